"""What is said to both servers. A conversation is a list of steps:

    ("client", NAME, OPTIONS)      a WebSocket connection; OPTIONS: query, headers
    ("say", NAME, COMMAND...)      commands in one message; a text is sent as it is
    ("api", METHOD, PARAMS)        a call of the server API
    ("post", PATH, BODY, HEADERS)  any request to where the server API is

`$connect` in a command's place connects with the token of user 42; {"epoch": "$epoch"} is the epoch heard last.
"""
import base64
import hashlib
import hmac
import json

SECRET = "a secret of these tests, of 32 bytes and more"
LONG_OVER, FAR = 1_000_000_000, 4_000_000_000


def token(secret=SECRET, **claims):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
    return (head + b"." + part(hmac.new(secret.encode(), head, hashlib.sha256).digest())).decode()


def connect(user="42", **claims):
    return {"id": 1, "connect": {"token": token(sub=user, **claims)}}


def arrive(name="a", user="42", **claims):
    return [("client", name, {}), ("say", name, connect(user, **claims))]


def subscribe(number, channel, **more):
    return {"id": number, "subscribe": {"channel": channel, **more}}


def publish(channel, data, **more):
    return ("api", "publish", {"channel": channel, "data": data, **more})


IN_CHAT = [*arrive(), ("say", "a", subscribe(2, "chat:1"))]

CONNECTING = {
    f"connect: {name}": [("client", "a", {}), ("say", "a", what)] for name, what in {
        "a token": connect(),
        "without a token": {"id": 1, "connect": {}},
        "a wrong token": connect(secret="another secret of these tests, of 32 bytes"),
        "no token at all": {"id": 1, "connect": {"token": "x"}},
        "a token whose time is over": connect(exp=LONG_OVER),
        "a token whose time has not come": connect(nbf=FAR),
        "a token with an end": connect(exp=FAR),
        "a connection's end": connect(expire_at=FAR),
        "a connection's end in the past": connect(expire_at=LONG_OVER),
        "no end": connect(exp=FAR, expire_at=0),
        "channels": connect(channels=["chat:1", "plain:1"]),
        "channels of no namespace": connect(channels=["nowhere:1"]),
        "subs": connect(subs={"chat:1": {"info": {"a": 1}, "data": {"b": 2}}}),
        "a user that is a number": {"id": 1, "connect": {"token": token(sub=42)}},
        "a subscription's token": connect(channel="chat:1"),
        "b64info that is no JSON": connect(b64info="AAEC"),
        "nine channels": connect(channels=[f"plain:{i}" for i in range(9)]),
        "the anonymous user": connect(user=""),
        "as a command without an id": {"connect": {"token": token(sub="42")}},
        "data and names": {
            "id": 1, "connect": {"token": token(sub="42"), "data": {"a": 1}, "name": "n", "version": "v"}},
        "not first": subscribe(1, "chat:1"),
        "no JSON": "hello",
        "an empty object": {},
        "a list": "[]",
    }.items()}
CONNECTING["connect: twice"] = [*arrive(), ("say", "a", {**connect(), "id": 2})]
CONNECTING["connect: with a subscribe in one message"] = [
    ("client", "a", {}), ("say", "a", connect(), subscribe(2, "chat:1"))]

SUBSCRIBING = {
    f"subscribe: {name}": [*arrive(), ("say", "a", what)] for name, what in {
        "open": subscribe(2, "chat:1"),
        "plain": subscribe(2, "plain:1"),
        "no namespace": subscribe(2, "nowhere:1"),
        "without a namespace": subscribe(2, "x"),
        "no channel": subscribe(2, ""),
        "closed": subscribe(2, "order:1"),
        "private": subscribe(2, "$chat:1"),
        "a token": subscribe(2, "order:1", token=token(sub="42", channel="order:1")),
        "a token with an end and info": subscribe(2, "order:1", token=token(
            sub="42", channel="order:1", exp=FAR, info={"a": 1})),
        "a wrong token": subscribe(2, "order:1", token="x"),
        "a token whose time is over": subscribe(2, "order:1", token=token(sub="42", channel="order:1", exp=LONG_OVER)),
        "another channel's token": subscribe(2, "order:1", token=token(sub="42", channel="order:2")),
        "another user's token": subscribe(2, "order:1", token=token(sub="43", channel="order:1")),
        "a connection's token": subscribe(2, "order:1", token=token(sub="42")),
        "for me": subscribe(2, "limited:a#42,43"),
        "for others": subscribe(2, "limited:a#43"),
        "like the pattern": subscribe(2, "word:abc"),
        "unlike the pattern": subscribe(2, "word:ABC"),
        "a long name": subscribe(2, "chat:" + "x" * 300),
        "letters beyond ASCII": subscribe(2, "chat:\u00e9"),
        "recover from nowhere": subscribe(2, "chat:9", recover=True, epoch="elsewhere", offset=3),
        "recover, or 112": subscribe(2, "chat:9", recover=True, epoch="elsewhere", offset=3, flag=2),
        "recover where nothing is kept": subscribe(2, "plain:1", recover=True, epoch="e", offset=3),
        "a cache that is empty": subscribe(2, "cache:9", recover=True),
        "positioned where nothing is kept": subscribe(2, "plain:1", positioned=True, recoverable=True),
        "join and leave where there are none": subscribe(2, "plain:1", join_leave=True),
        "a delta": subscribe(2, "chat:1", delta="fossil"),
        "another delta": subscribe(2, "chat:1", delta="other"),
        "data": subscribe(2, "chat:1", data={"a": 1}),
        "a type that there is not": subscribe(2, "chat:1", type=9),
    }.items()}
SUBSCRIBING["subscribe: twice"] = [*IN_CHAT, ("say", "a", subscribe(3, "chat:1"))]
SUBSCRIBING["subscribe: a ninth"] = [*arrive(), *[("say", "a", subscribe(2 + i, f"plain:{i}")) for i in range(9)]]
SUBSCRIBING["subscribe: the anonymous user"] = [
    *arrive(user=""), ("say", "a", subscribe(2, "open:1")), ("say", "a", subscribe(3, "chat:1"))]
SUBSCRIBING["unsubscribe"] = [
    *IN_CHAT, ("say", "a", {"id": 3, "unsubscribe": {"channel": "chat:1"}}), publish("chat:1", 1),
    ("say", "a", {"id": 4, "unsubscribe": {"channel": "chat:1"}}),
    ("say", "a", {"id": 5, "unsubscribe": {"channel": ""}})]

PUBLISHING = {
    f"publish: {name}": [*IN_CHAT, ("say", "a", what)] for name, what in {
        "an object": {"id": 3, "publish": {"channel": "chat:1", "data": {"a": [1, 2.50, "\u00e9"]}}},
        "a text": {"id": 3, "publish": {"channel": "chat:1", "data": "x"}},
        "null": {"id": 3, "publish": {"channel": "chat:1", "data": None}},
        "nothing": {"id": 3, "publish": {"channel": "chat:1"}},
        "with blanks": '{"id":3,"publish":{"channel":"chat:1","data":{ "a" : 1 }}}',
        "not subscribed": {"id": 3, "publish": {"channel": "chat:2", "data": 1}},
        "no namespace": {"id": 3, "publish": {"channel": "nowhere:1", "data": 1}},
        "where every client may": {"id": 3, "publish": {"channel": "plain:1", "data": 1}},
        "no channel": {"id": 3, "publish": {"channel": "", "data": 1}},
        "two in one message": '{"id":3,"publish":{"channel":"chat:1","data":1}}\n'
                              '{"id":4,"publish":{"channel":"chat:1","data":2}}',
    }.items()}
PUBLISHING["publish: with who it was"] = [
    *arrive("a", "7", info={"name": "Ann"}), ("say", "a", subscribe(2, "chat:1")),
    ("say", "a", {"id": 3, "publish": {"channel": "chat:1", "data": 1}})]

COMMANDS = {
    f"command: {name}": [*IN_CHAT, ("say", "a", what)] for name, what in {
        "rpc": {"id": 3, "rpc": {"method": "m", "data": 1}},
        "send": {"send": {"data": 1}},
        "ping": {"id": 3, "ping": {}},
        "a pong too many": {},
        "nothing with an id": {"id": 3},
        "what there is not": {"id": 3, "dance": {}},
        "presence": {"id": 3, "presence": {"channel": "chat:1"}},
        "presence_stats": {"id": 3, "presence_stats": {"channel": "chat:1"}},
        "presence, not subscribed": {"id": 3, "presence": {"channel": "chat:2"}},
        "presence where it is not known": {"id": 3, "presence": {"channel": "plain:1"}},
        "presence of no namespace": {"id": 3, "presence": {"channel": "nowhere:1"}},
        "history where nothing is kept": {"id": 3, "history": {"channel": "plain:1"}},
        "history, not subscribed": {"id": 3, "history": {"channel": "chat:2"}},
        "history, empty": {"id": 3, "history": {"channel": "chat:1", "limit": 10}},
        "refresh": {"id": 3, "refresh": {"token": token(sub="42", exp=FAR)}},
        "refresh without a token": {"id": 3, "refresh": {}},
        "refresh as somebody else": {"id": 3, "refresh": {"token": token(sub="43")}},
        "refresh with a wrong token": {"id": 3, "refresh": {"token": "x"}},
        "refresh with a token whose time is over": {"id": 3, "refresh": {"token": token(sub="42", exp=LONG_OVER)}},
        "sub_refresh": {
            "id": 3, "sub_refresh": {"channel": "chat:1", "token": token(sub="42", channel="chat:1", exp=FAR)}},
        "sub_refresh, not subscribed": {"id": 3, "sub_refresh": {"channel": "order:1", "token": "x"}},
        "sub_refresh without a token": {"id": 3, "sub_refresh": {"channel": "chat:1"}},
        "sub_refresh with a wrong token": {"id": 3, "sub_refresh": {"channel": "chat:1", "token": "x"}},
        "no JSON": "x",
        "an empty line": "\n",
        "a number for a channel": {"id": 3, "subscribe": {"channel": 1}},
    }.items()}

FILLED = [*IN_CHAT, *[publish("chat:1", number) for number in range(1, 6)]]
STREAMS = {
    f"history: {name}": [*FILLED, ("say", "a", {"id": 3, "history": {"channel": "chat:1", **what}})] for name, what in {
        "where it stands": {}, "all": {"limit": -1}, "two": {"limit": 2},
        "two backwards": {"limit": 2, "reverse": True},
        "since": {"limit": 2, "since": {"offset": 2, "epoch": "$epoch"}},
        "since, backwards": {"limit": 9, "reverse": True, "since": {"offset": 3, "epoch": "$epoch"}},
        "since the end": {"limit": 2, "since": {"offset": 5, "epoch": "$epoch"}},
        "since beyond the end": {"limit": 2, "since": {"offset": 99, "epoch": "$epoch"}},
        "of another epoch": {"limit": 2, "since": {"offset": 2, "epoch": "elsewhere"}},
        "backwards from 0": {"limit": 2, "reverse": True, "since": {"offset": 0, "epoch": "$epoch"}},
    }.items()}
for _offset in (0, 2, 5, 99):
    STREAMS[f"recover: from {_offset}"] = [
        *FILLED, *arrive("b"), ("say", "b", subscribe(2, "chat:1", recover=True, epoch="$epoch", offset=_offset))]
STREAMS["recover: after removal"] = [
    *FILLED, ("api", "history_remove", {"channel": "chat:1"}), *arrive("b"),
    ("say", "b", subscribe(2, "chat:1", recover=True, epoch="$epoch", offset=2)), publish("chat:1", 6)]
STREAMS["recover: a cache"] = [
    publish("cache:1", 1), publish("cache:1", 2), *arrive(), ("say", "a", subscribe(2, "cache:1", recover=True)),
    ("say", "a", {"id": 3, "unsubscribe": {"channel": "cache:1"}}),
    ("say", "a", subscribe(4, "cache:1", recover=True, epoch="$epoch", offset=2))]
STREAMS["recover: channels of the token"] = [
    *FILLED, ("client", "b", {}), ("say", "b", {"id": 1, "connect": {
        "token": token(sub="42", channels=["chat:1"]),
        "subs": {"chat:1": {"recover": True, "epoch": "$epoch", "offset": 3}}}}), publish("chat:1", 6)]
STREAMS["join and leave"] = [
    *arrive("a", "1"), ("say", "a", subscribe(2, "chat:1", join_leave=True)), *arrive("b", "2", info={"name": "Bob"}),
    ("say", "b", subscribe(2, "chat:1")), ("say", "b", {"id": 3, "unsubscribe": {"channel": "chat:1"}})]
