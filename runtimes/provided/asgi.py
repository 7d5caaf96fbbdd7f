"""Serves an ASGI application: `asgi.py MODULE:NAME`, or `MODULE:NAME()` for a function that makes it.

It listens on $PORT with the server that the function's requirements bring: uvicorn or hypercorn. The application knows by
`root_path` where it lives, so that its links, redirects and API documentation are right below the function's path.
"""

import importlib
import os
import sys


def fail(message):
    print(message, file=sys.stderr, flush=True)
    sys.exit(1)


def load(target):
    name, _, attribute = target.partition(":")
    folder = os.getcwd()
    # Instead of this file's own folder. A file in a folder that is no package finds what stands beside it.
    sys.path[0] = folder
    parts = name.split(".")
    beside = os.path.join(folder, *parts[:-1])
    if len(parts) > 1 and not os.path.exists(os.path.join(beside, "__init__.py")):
        sys.path.insert(1, beside)
    module = importlib.import_module(name)
    makes = attribute.endswith("()")
    found = getattr(module, attribute.removesuffix("()"), None)
    if found is None:
        names = ", ".join(key for key, value in vars(module).items() if callable(value) and not key.startswith("_")) or "nothing"
        fail(f'{name} has no function "{attribute}"; what can be called there: {names}')
    return found() if makes else found


def takes_the_whole_path():
    """ASGI has `root_path` at the beginning of `path`; before 0.33 Starlette, and with it FastAPI, took it apart."""
    starlette = sys.modules.get("starlette")
    try:
        return starlette is None or tuple(map(int, starlette.__version__.split(".")[:2])) >= (0, 33)
    except ValueError:
        return True


class Placed:
    """Tells the application its place, which the gateway says in a header that no caller can set."""

    def __init__(self, app):
        self.app = app
        self.whole_path = takes_the_whole_path()

    async def __call__(self, scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            prefix = next((value for key, value in scope["headers"] if key == b"x-forwarded-prefix"), b"").decode("latin-1")
            if prefix:
                path = prefix + scope["path"] if self.whole_path else scope["path"]
                scope = {**scope, "root_path": prefix, "path": path}
        await self.app(scope, receive, send)


def main():
    if len(sys.argv) != 2:
        fail("usage: asgi.py MODULE:NAME")
    app = Placed(load(sys.argv[1]))
    host, port = "127.0.0.1", int(os.environ.get("PORT", "8080"))
    try:
        import uvicorn
    except ModuleNotFoundError:
        uvicorn = None
    if uvicorn:
        uvicorn.run(app, host=host, port=port, proxy_headers=True, forwarded_allow_ips="*", lifespan="auto")
        return
    import asyncio

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"{host}:{port}"]
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
