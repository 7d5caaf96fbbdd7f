export default async (request) => new Response(`hello at ${new URL(request.url).pathname}`);
