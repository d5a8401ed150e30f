// A client of this API for a browser, without dependencies. It keeps the tokens in memory alone:
// no storage to steal them from, so a reload logs in anew.

/** What the API answered instead of what was asked for. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? `HTTP ${status}`);
    Object.assign(this, { name: new.target.name, status, code: problem?.code });
  }
}

/** The user is not logged in, or no longer: show the login. */
export class SessionEnded extends ApiError {}

export class AuthClient {
  #session = null; // of its own for each login: what is late for an old one cannot change a new one

  /** `baseUrl`: where the API is, such as "http://localhost:8000/api/v1". */
  constructor(baseUrl) {
    this.baseUrl = baseUrl;
  }

  /** Throws `ApiError`. */
  async login(email, password) {
    this.#session = await this.#post("/auth/login", { email, password });
  }

  /** As `fetch`, with a token that is renewed when it has expired. Throws `SessionEnded`, `ApiError`. */
  async fetch(path, options = {}) {
    const session = this.#session;
    if (!session) throw new SessionEnded(401, { detail: "Not logged in.", code: "not_authenticated" });
    const used = session.access_token;
    let response = await this.#send(path, options, used);
    // The service's clock counts, not this machine's.
    if (response.status === 401 && (await problemOf(response)).code === "token_expired") {
      if (session.access_token === used) await this.#refresh(session); // else another call has
      response = await this.#send(path, options, session.access_token);
    }
    if (response.status === 401) this.#end(session, await problemOf(response));
    return response;
  }

  /** The tokens are deleted even if the service cannot be reached. */
  async logout() {
    const session = this.#session;
    this.#session = null;
    if (session) await this.#post("/auth/logout", { refresh_token: session.refresh_token });
  }

  // One for all that wait: with rotation, a refresh token that is used twice can end the session.
  #refresh(session) {
    session.refreshing ??= this.#post("/auth/refresh", { refresh_token: session.refresh_token })
      .then((fresh) => Object.assign(session, fresh)) // with rotation, a new refresh token too
      .catch((error) => (error.status === 401 ? this.#end(session, error) : Promise.reject(error)))
      .finally(() => (session.refreshing = null));
    return session.refreshing;
  }

  #end(session, problem) {
    if (this.#session === session) this.#session = null;
    throw new SessionEnded(401, { detail: problem.detail ?? problem.message, code: problem.code });
  }

  #send(path, options, token) {
    const headers = new Headers(options.headers);
    headers.set("Authorization", `Bearer ${token}`);
    return fetch(this.#url(path), { ...options, headers });
  }

  // No path may lead the token to another host: "//there" and ".there" would.
  #url(path) {
    const [base, url] = [this.baseUrl, this.baseUrl + path].map((text) => new URL(text, location));
    if (url.origin !== base.origin) throw new TypeError(`${path} leads to another origin.`);
    return url.href;
  }

  async #post(path, body) {
    const headers = { "Content-Type": "application/json" };
    const options = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(this.#url(path), options);
    if (!response.ok) throw new ApiError(response.status, await problemOf(response));
    return response.status === 204 ? null : response.json();
  }
}

// A proxy's own errors are not JSON, or not an object.
const problemOf = async (response) => (await response.clone().json().catch(() => null)) ?? {};
