export default async (req, context) => new Response("Hello, world!");
