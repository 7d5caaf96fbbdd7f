export default async ({ req, res, log, error }) => {
  log("called");
  return res.text("Hello from Appwrite");
};
