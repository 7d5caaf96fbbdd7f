exports.handler = function (context, event) {
  context.callback("Hello from Nuclio");
};
