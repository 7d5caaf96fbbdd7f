def main(context):
    context.log("called")
    return context.res.text("Hello from Appwrite")
