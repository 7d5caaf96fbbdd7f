const fdk = require("@fnproject/fdk");

fdk.handle(function (input) {
  return { message: "Hello " + (input.name || "World") };
});
