export function GET(request) {
  return new Response("Hello from Vercel!");
}
