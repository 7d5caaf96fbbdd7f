import os

import uvicorn
from fastapi import FastAPI, Form, Request, WebSocket
from fastapi.responses import RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key="known to everybody who reads this test")


@app.get("/")
async def home(request: Request):
    return {
        "user": request.session.get("user"),
        "url": str(request.url),
        "link": str(request.url_for("shop")),
        "address": request.client.host if request.client else None,
    }


@app.post("/login")
async def login(request: Request, user: str = Form()):
    request.session["user"] = user
    return RedirectResponse(request.url_for("home"), status_code=303)


@app.get("/shop/")
async def shop(request: Request):
    return {"user": request.session.get("user")}


@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    await socket.send_text(str(socket.url))
    async for text in socket.iter_text():
        await socket.send_text(text)


def below_its_prefix(app):
    """Tells the application where it lives, as the gateway says."""

    async def called(scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            prefix = dict(scope["headers"]).get(b"x-forwarded-prefix", b"").decode()
            scope = {**scope, "root_path": prefix, "path": prefix + scope["path"]}
        await app(scope, receive, send)

    return called


uvicorn.run(below_its_prefix(app), host="127.0.0.1", port=int(os.environ["PORT"]), forwarded_allow_ips="*", log_level="warning")
