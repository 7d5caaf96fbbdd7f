from flask import Flask, redirect, request, session, url_for

app = Flask(__name__)
app.secret_key = "known to everybody who reads this test"


@app.get("/")
def home():
    return {
        "user": session.get("user"),
        "url": request.url,
        "root": request.root_url,
        "address": request.remote_addr,
        "link": url_for("shop", item=7),
        "absolute": url_for("shop", item=7, _external=True),
    }


@app.post("/login")
def login():
    session["user"] = request.form["user"]
    return redirect(url_for("home"))


@app.get("/shop/<int:item>/")
def shop(item):
    return {"item": item, "user": session.get("user")}


@app.get("/plain")
def plain():
    return redirect("/")


@app.get("/relative/way")
def relative():
    return redirect("../plain")


@app.get("/elsewhere")
def elsewhere():
    return redirect("https://example.com/next?a=b")
