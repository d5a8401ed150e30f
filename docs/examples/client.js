// A client of this API, to copy. It is an ES module without dependencies, for browsers, Node 18 and
// later, server-side rendering and React Native. Its types are in client.d.ts.
//
//   const client = new AuthClient("http://127.0.0.1:8000");
//   await client.login("ada@example.com", "correct horse battery");
//   const response = await client.fetch("/api/v1/protected/profile");
//
// A client is one user's session. A server that renders pages creates one for each request.

/** An error response. `errors` has the errors of each field; the service logs `request_id`. */
export class ApiError extends Error {
  name = "ApiError";

  constructor({ status, detail, code = "unknown", errors = {}, request_id }) {
    super(detail ?? `HTTP ${status}`);
    Object.assign(this, { status, code, errors, request_id });
  }
}

/** The user must log in again. `code` says why: `token_revoked`, `token_reused`, … */
export class SessionEnded extends ApiError {
  name = "SessionEnded";
}

const AUTH = "/api/v1/auth";
const NOT_LOGGED_IN = { status: 401, detail: "Not logged in.", code: "not_authenticated" };
const USER_CHANGED = { status: 401, detail: "Another user has logged in.", code: "user_changed" };
const NO_TOKEN = 422; // the status of a refresh or logout if the cookie is gone
const NO_STORAGE = { load: () => null, save: () => {} };
const globalFetch = (url, options) => globalThis.fetch(url, options);

export class AuthClient {
  #baseUrl;
  #storage;
  #fetch;
  #cookie;
  #session = null; // a new object for each login: a late response never changes another session

  /**
   * `storage` keeps the tokens after a reload; by default they are in memory only. It belongs to
   * one client: tabs must not share it. Both functions may be asynchronous:
   *
   *   const storage = {
   *     load: () => JSON.parse(sessionStorage.getItem("tokens")),
   *     save: (tokens) => sessionStorage.setItem("tokens", JSON.stringify(tokens)),
   *   };
   *
   * With `cookie`, for a service with REFRESH_TOKEN_COOKIE, the refresh token is in a cookie that
   * no script can read, and the access token in memory only. Tabs share the cookie.
   */
  constructor(baseUrl, { storage = NO_STORAGE, fetch = globalFetch, cookie = false } = {}) {
    if (!/^https?:\/\/[^/]/.test(baseUrl)) throw new TypeError(`Not an absolute URL: ${baseUrl}`);
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#storage = cookie ? NO_STORAGE : storage;
    this.#fetch = fetch;
    this.#cookie = cookie;
  }

  /** Creates an account, without a session. Throws `ApiError`. */
  async register(email, password) {
    return readBody(await this.#post("register", { email, password }));
  }

  /** Starts a session, or a short one without `rememberMe`. Throws `ApiError`. */
  async login(email, password, { rememberMe = true } = {}) {
    const body = { email, password, remember_me: rememberMe };
    const tokens = await readBody(await this.#post("login", body));
    this.#session = newSession(tokens);
    await this.#storage.save(tokens);
  }

  /**
   * Continues the session of the storage or the cookie. Returns whether there is one. With the
   * cookie, throws `ApiError` if that cannot be known.
   */
  async restore() {
    if (this.#cookie) return this.#restoreFromCookie();
    const tokens = await this.#storage.load();
    this.#session = tokens ? newSession(tokens) : null;
    return this.#session !== null;
  }

  /**
   * Like `fetch`, with an access token that is refreshed when it has expired. A request may be
   * sent twice, so a stream cannot be its body. Throws `SessionEnded`, and `ApiError` if the
   * refresh fails; other error responses are returned.
   */
  async fetch(path, options = {}) {
    const session = this.#getSession();
    return this.#sendAs(session, path, options, (refused) => this.#refreshOnce(session, refused));
  }

  /** Changes the password and ends all other sessions. Throws `ApiError`, `SessionEnded`. */
  async changePassword(currentPassword, newPassword) {
    const session = this.#getSession();
    const options = asJson({ current_password: currentPassword, new_password: newPassword });
    await this.#lock(session, async () => {
      const refresh = (refused) => this.#refresh(session, refused);
      const response = await this.#sendAs(session, `${AUTH}/password`, options, refresh);
      await this.#keep(session, await readBody(response));
    });
  }

  /** Ends the session. The tokens are deleted even if the service cannot be reached. */
  async logout() {
    const session = this.#session;
    this.#session = null;
    await this.#storage.save(null);
    if (!session && !this.#cookie) return;
    const response = await this.#post("logout", { refresh_token: session?.tokens.refresh_token });
    if (!this.#cookie || response.status !== NO_TOKEN) await readBody(response);
  }

  async #restoreFromCookie() {
    const response = await this.#post("refresh", {});
    const hasSession = ![401, NO_TOKEN].includes(response.status);
    this.#session = hasSession ? newSession(await readBody(response)) : null;
    return hasSession;
  }

  #getSession() {
    if (!this.#session) throw new SessionEnded(NOT_LOGGED_IN);
    return this.#session;
  }

  async #sendAs(session, path, options, refresh) {
    const used = session.tokens.access_token;
    const response = await this.#send(path, options, used);
    if (response.status !== 401) return response;
    // The service's clock decides. What it refused it has not done: it is sent once more.
    await refresh({ used, problem: await readProblem(response) });
    const second = await this.#send(path, options, session.tokens.access_token);
    if (second.status === 401) await this.#end(session, await readProblem(second));
    return second;
  }

  // All requests that wait share one refresh, and its failure.
  #refreshOnce(session, refused) {
    const refresh = () => this.#refresh(session, refused);
    session.refreshing ??= this.#lock(session, refresh).finally(() => (session.refreshing = null));
    return session.refreshing;
  }

  // One at a time: with rotation, a refresh token that is used twice can end the session. And a new
  // password revokes the tokens of requests that are under way: they wait for the new ones.
  #lock(session, task) {
    const result = session.queue.then(task);
    session.queue = result.catch(() => {});
    return result;
  }

  async #refresh(session, { used, problem }) {
    if (session.tokens.access_token !== used) return; // another call has renewed it
    if (session.ended) throw session.ended;
    // With the cookie, another tab may have started the user's next session.
    if (problem.code !== "token_expired" && !this.#cookie) await this.#end(session, problem);
    const response = await this.#post("refresh", { refresh_token: session.tokens.refresh_token });
    if (response.status === 401) await this.#end(session, await readProblem(response));
    if (this.#cookie && response.status === NO_TOKEN) await this.#end(session, NOT_LOGGED_IN);
    const tokens = await readBody(response);
    // Or another user's: this page must not go on as them.
    if (this.#cookie && readUser(tokens) !== readUser(session.tokens))
      await this.#end(session, USER_CHANGED);
    await this.#keep(session, tokens);
  }

  // Without rotation, a refresh returns no refresh token: the one of the login stays.
  async #keep(session, tokens) {
    session.tokens = { ...session.tokens, ...tokens };
    if (this.#session === session) await this.#storage.save(session.tokens);
  }

  async #end(session, problem) {
    session.ended = new SessionEnded(problem);
    if (this.#session === session) {
      this.#session = null;
      await this.#storage.save(null);
    }
    throw session.ended;
  }

  #post(operation, body) {
    return this.#send(`${AUTH}/${operation}`, asJson(body));
  }

  #send(path, options, token) {
    const headers = new Headers(options.headers);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    if (this.#cookie && path.startsWith(AUTH)) {
      headers.set("X-Requested-With", "XMLHttpRequest"); // no form of another site can send it
      options = { ...options, credentials: "include" };
    }
    // The slash ends the host's name, so that no path can send the token to another host.
    return this.#fetch(`${this.#baseUrl}/${path.replace(/^\//, "")}`, { ...options, headers });
  }
}

const newSession = (tokens) => ({
  tokens,
  ended: null,
  refreshing: null,
  queue: Promise.resolve(),
});

const readUser = ({ access_token }) =>
  JSON.parse(atob(access_token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub;

const asJson = (body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

async function readBody(response) {
  if (!response.ok) throw new ApiError(await readProblem(response));
  return response.status === 204 ? null : response.json();
}

// A proxy's own errors are not JSON, or not an object.
async function readProblem(response) {
  const body = await response.json().catch(() => null);
  const request_id = response.headers.get("X-Request-ID") ?? undefined;
  return { request_id, ...(typeof body === "object" ? body : {}), status: response.status };
}
