import express from "express";

const app = express();
const greeting: string = "Hello from TypeScript";
app.get("/", (_request, response) => {
  response.send(greeting);
});
app.listen(Number(process.env.PORT ?? 3000));
