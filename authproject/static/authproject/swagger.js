// A separate file, because the page's Content-Security-Policy forbids inline scripts.
SwaggerUIBundle({
  url: "openapi.json", // relative, so that it works under any prefix
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true, // keeps the token after a reload
  // For a service with REFRESH_TOKEN_COOKIE; the others ignore it.
  requestInterceptor: (request) => {
    request.headers["X-Requested-With"] = "XMLHttpRequest";
    return request;
  },
  validatorUrl: null, // otherwise the URL is sent to validator.swagger.io
});
