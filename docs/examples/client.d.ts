/** The types of client.js. */

export interface FieldError {
  detail: string;
  code: string;
}

/** An error response. `errors` has the errors of each field; the service logs `request_id`. */
export class ApiError extends Error {
  readonly status: number;
  /** One of docs/reference/api.md; `unknown` if a proxy sent the response. */
  readonly code: string;
  readonly errors: Record<string, FieldError[]>;
  readonly request_id?: string;
}

/** The user must log in again. `code` says why: `token_revoked`, `token_reused`, … */
export class SessionEnded extends ApiError {}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
}

/** Keeps the tokens of one client. `save(null)` deletes them. */
export interface TokenStorage {
  load(): Tokens | null | Promise<Tokens | null>;
  save(tokens: Tokens | null): unknown;
}

export interface AuthClientOptions {
  /** By default the tokens are in memory only. */
  storage?: TokenStorage;
  /** The refresh token is in a cookie, for a service with REFRESH_TOKEN_COOKIE. No `storage`. */
  cookie?: boolean;
  /** By default the global `fetch`. */
  fetch?: (url: string, options: RequestInit) => Promise<Response>;
}

export class AuthClient {
  /** `baseUrl` is where the service is, such as "http://127.0.0.1:8000". */
  constructor(baseUrl: string, options?: AuthClientOptions);
  register(email: string, password: string): Promise<{ message: string; email: string }>;
  /** Without `rememberMe`, which is true by default, the session is short. */
  login(email: string, password: string, options?: { rememberMe?: boolean }): Promise<void>;
  /** Continues the session of the storage or the cookie. Returns whether there is one. */
  restore(): Promise<boolean>;
  /** Like `fetch`; `path` begins with a slash, such as "/api/v1/protected/profile". */
  fetch(path: string, options?: RequestInit): Promise<Response>;
  /** Changes the password and ends all other sessions. */
  changePassword(currentPassword: string, newPassword: string): Promise<void>;
  logout(): Promise<void>;
}
