// A file of its own: the page's Content-Security-Policy allows no script in the page itself.
SwaggerUIBundle({
  url: "openapi.json", // beside /docs, under whatever prefix
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true, // "Authorize" survives a reload
  validatorUrl: null, // else the document's address is sent to validator.swagger.io
});
