const express = require("express");
const session = require("express-session");

const app = express();
app.set("trust proxy", true);
app.use(express.urlencoded({ extended: false }));
app.use(session({ secret: "known to everybody who reads this test", resave: false, saveUninitialized: false }));

app.get("/", (request, response) => {
  const { protocol, ip, session, host, baseUrl } = request;
  response.json({ user: session.user ?? null, protocol, ip, host, prefix: request.get("x-forwarded-prefix"), baseUrl });
});
app.post("/login", (request, response) => {
  request.session.user = request.body.user;
  response.cookie("seen", "yes", { path: "/shop" }).redirect("/");
});
app.get("/shop/cart", (request, response) => response.json({ cookie: request.get("cookie") ?? "" }));
app.get("/absolute", (request, response) => response.redirect(`${request.protocol}://${request.host}/shop/cart`));
app.get("/shop/back", (request, response) => response.redirect(301, "cart"));
const server = app.listen(process.env.PORT);
new (require("socket.io").Server)(server).on("connection", (socket) => socket.on("echo", (text) => socket.emit("echo", text)));
