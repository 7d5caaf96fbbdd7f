module.exports = (req, res) => res.send(`index for ${req.query.rest}`);
