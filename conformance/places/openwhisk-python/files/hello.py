def main(args):
    return {"body": "Hello " + args.get("name", "stranger") + "!"}
