const serverless = require("serverless-http");
const express = require("express");
const app = express();

app.get("/", (req, res) => res.status(200).json({ message: "Hello from root!" }));

exports.handler = serverless(app);
