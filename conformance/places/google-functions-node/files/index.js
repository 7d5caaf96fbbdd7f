exports.helloHttp = (req, res) => {
  res.send(`Hello ${req.query.name || "World"}!`);
};
