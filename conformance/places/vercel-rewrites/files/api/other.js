module.exports = (req, res) => res.send('other');
