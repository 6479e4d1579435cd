#!/usr/bin/env python3
"""Who is online, in a table that is right: who-is-online.py DATABASE PORT API KEY

A gateway tells of clients that come and go (docs/events.md):

    [[proxy]]
    event = ["connected", "disconnected"]
    url = "http://127.0.0.1:PORT/"

API is that gateway's server API, http://127.0.0.1:9000/api, and KEY its key. GET http://127.0.0.1:PORT/ prints how
many connections each user has.
"""
import json, sqlite3, sys, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

database, port, api, key = sys.argv[1:5]
db = sqlite3.connect(database)
db.execute("CREATE TABLE IF NOT EXISTS online (client TEXT PRIMARY KEY, user TEXT)")
db.execute("CREATE TABLE IF NOT EXISTS heard (boot TEXT, number INTEGER)")  # one row: which run, up to which event


def ask(cursor=""):
    request = urllib.request.Request(api + "/connections", json.dumps({"cursor": cursor}).encode(), {"X-API-Key": key})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)["result"]


def heard():
    return db.execute("SELECT boot, number FROM heard").fetchone() or ("", 0)


def remember(boot, number):
    db.execute("DELETE FROM heard")
    db.execute("INSERT INTO heard VALUES (?, ?)", (boot, number))


def begin_anew():
    """The table as the gateway's own list has it, which is true up to the number that its first page has."""
    pages = [ask()]
    while "next" in pages[-1]:
        pages.append(ask(pages[-1]["next"]))
    db.execute("DELETE FROM online")
    for page in pages:
        db.executemany("INSERT OR REPLACE INTO online VALUES (:client, :user)", page["connections"])
    remember(pages[0]["boot"], pages[0]["number"])


def take(batch):
    boot, number = heard()
    if batch["boot"] != boot or batch["number"] > number + 1:  # another run, or something is missing
        begin_anew()
        boot, number = heard()
    if batch["boot"] != boot:
        return  # of a run that has ended
    for at, event in enumerate(batch["events"], batch["number"]):
        if at <= number:
            continue  # it is in the table already
        if event["event"] == "connected":
            db.execute("INSERT OR REPLACE INTO online VALUES (:client, :user)", event)
        elif event["event"] == "disconnected":
            db.execute("DELETE FROM online WHERE client = :client", event)
        number = at
    remember(boot, number)


def check():
    """A gateway that is gone for good does not say so."""
    try:
        if ask()["boot"] != heard()[0]:
            begin_anew()
    except OSError:
        db.execute("DELETE FROM online")
        db.execute("DELETE FROM heard")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        with db:  # all of it or nothing
            take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def do_GET(self):
        with db:
            check()
        body = json.dumps(dict(db.execute("SELECT user, count(*) FROM online GROUP BY user ORDER BY user"))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
