export default async () => new Response("other");
