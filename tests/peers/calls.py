"""What is asked of the server API of both, in the form of conversations."""
import json

from conversations import FAR, FILLED, IN_CHAT, arrive, publish, subscribe

KEY = {"X-API-Key": "open-sesame"}

CALLS = {
    f"api: {name}": [*IN_CHAT, ("api", method, params)] for name, (method, params) in {
        "publish": ("publish", {"channel": "chat:1", "data": {"a": 1}}),
        "publish with tags": ("publish", {"channel": "chat:1", "data": 1, "tags": {"a": "b"}}),
        "publish without history": ("publish", {"channel": "chat:1", "data": 1, "skip_history": True}),
        "publish where nothing is kept": ("publish", {"channel": "plain:1", "data": 1}),
        "publish b64data": ("publish", {"channel": "chat:1", "b64data": "eyJhIjoxfQ=="}),
        "publish to no namespace": ("publish", {"channel": "nowhere:1", "data": 1}),
        "publish to no channel": ("publish", {"channel": "", "data": 1}),
        "publish nothing": ("publish", {"channel": "chat:1"}),
        "publish null": ("publish", {"channel": "chat:1", "data": None}),
        "publish what is more": ("publish", {"channel": "chat:1", "data": 1, "more": 1}),
        "publish a wrong type": ("publish", {"channel": 1, "data": 1}),
        "broadcast": ("broadcast", {"channels": ["chat:1", "chat:2"], "data": 1}),
        "broadcast, one of them nowhere": ("broadcast", {"channels": ["chat:1", "nowhere:1"], "data": 1}),
        "broadcast to none": ("broadcast", {"channels": [], "data": 1}),
        "subscribe": ("subscribe", {"user": "42", "channel": "chat:2", "info": {"a": 1}, "data": {"b": 2}}),
        "subscribe what is subscribed": ("subscribe", {"user": "42", "channel": "chat:1"}),
        "subscribe somebody who is not there": ("subscribe", {"user": "nobody", "channel": "chat:1"}),
        "subscribe to no namespace": ("subscribe", {"user": "42", "channel": "nowhere:1"}),
        "subscribe nobody": ("subscribe", {"channel": "chat:1"}),
        "subscribe with an end": ("subscribe", {"user": "42", "channel": "chat:2", "expire_at": FAR}),
        "unsubscribe": ("unsubscribe", {"user": "42", "channel": "chat:1"}),
        "unsubscribe what is not": ("unsubscribe", {"user": "42", "channel": "chat:5"}),
        "unsubscribe nobody": ("unsubscribe", {"channel": "chat:1"}),
        "disconnect": ("disconnect", {"user": "42"}),
        "disconnect with a code": ("disconnect", {"user": "42", "disconnect": {"code": 4000, "reason": "bye"}}),
        "disconnect with a code out of range": ("disconnect", {"user": "42", "disconnect": {"code": 1}}),
        "disconnect nobody": ("disconnect", {}),
        "disconnect another client": ("disconnect", {"user": "42", "client": "x"}),
        "refresh": ("refresh", {"user": "42", "expire_at": FAR}),
        "refresh, expired": ("refresh", {"user": "42", "expired": True}),
        "refresh nobody": ("refresh", {}),
        "presence": ("presence", {"channel": "chat:1"}),
        "presence where it is not known": ("presence", {"channel": "plain:1"}),
        "presence of no namespace": ("presence", {"channel": "nowhere:1"}),
        "presence of nobody": ("presence", {"channel": "chat:9"}),
        "presence_stats": ("presence_stats", {"channel": "chat:1"}),
        "history": ("history", {"channel": "chat:1"}),
        "history where nothing is kept": ("history", {"channel": "plain:1"}),
        "history of no namespace": ("history", {"channel": "nowhere:1"}),
        "history_remove where nothing is kept": ("history_remove", {"channel": "plain:1"}),
        "channels": ("channels", {}),
        "channels by a pattern": ("channels", {"pattern": "ch*"}),
        "channels by another pattern": ("channels", {"pattern": "x*"}),
        "rpc": ("rpc", {"method": "m"}),
        "what there is not": ("dance", {}),
    }.items()}
CALLS["api: history in pages"] = [
    *FILLED, ("api", "history", {"channel": "chat:1", "limit": 2}),
    ("api", "history", {"channel": "chat:1", "limit": 2, "reverse": True}),
    ("api", "history", {"channel": "chat:1", "limit": 9, "since": {"offset": 3, "epoch": "$epoch"}}),
    ("api", "history", {"channel": "chat:1", "limit": 9, "since": {"offset": 3, "epoch": "elsewhere"}}),
    ("api", "history_remove", {"channel": "chat:1"}), ("api", "history", {"channel": "chat:1", "limit": 9})]
CALLS["api: an idempotency key"] = [
    *IN_CHAT, publish("chat:1", 1, idempotency_key="k"), publish("chat:1", 2, idempotency_key="k"),
    publish("chat:1", 3)]
CALLS["api: versions"] = [
    *IN_CHAT, publish("chat:1", 2, version=2), publish("chat:1", 1, version=1), publish("chat:1", 3, version=3),
    publish("chat:1", 1, version=1, version_epoch="b")]
CALLS["api: batch"] = [*IN_CHAT, ("api", "batch", {"commands": [
    {"publish": {"channel": "chat:1", "data": 1}}, {"history": {"channel": "chat:1", "limit": 1}},
    {"presence": {"channel": "plain:1"}}, {"channels": {}}]})]
CALLS["api: join and leave for the server's own"] = [
    *arrive("a", "1"), ("say", "a", subscribe(2, "chat:1", join_leave=True)), *arrive("b", "2"),
    ("api", "subscribe", {"user": "2", "channel": "chat:1"}),
    ("api", "unsubscribe", {"user": "2", "channel": "chat:1"})]
_publish = json.dumps({"method": "publish", "params": {"channel": "chat:1", "data": 1}})
CALLS.update({f"post: {name}": [*IN_CHAT, ("post", *what)] for name, what in {
    "the older form": ("/api", _publish, KEY),
    "the older form, with an id": ("/api", '{"id":7,"method":"publish","params":{"channel":"chat:1","data":1}}', KEY),
    "the older form of several": ("/api", f"{_publish}\n{_publish}\n", KEY),
    "the older form of nothing": ("/api", '{"method":"dance","params":{}}', KEY),
    "no key": ("/api/info", "{}", {}),
    "a wrong key": ("/api/info", "{}", {"X-API-Key": "x"}),
    "a key after apikey": ("/api/channels", "{}", {"Authorization": "apikey open-sesame"}),
    "a key in the query": ("/api/channels?api_key=open-sesame", "{}", {}),
    "no JSON": ("/api/publish", "x", KEY),
    "nothing": ("/api/channels", "", KEY),
    "errors as a status": ("/api/history", '{"channel":"plain:1"}', {**KEY, "X-Centrifugo-Error-Mode": "transport"}),
    "nothing as a status": ("/api/dance", "{}", {**KEY, "X-Centrifugo-Error-Mode": "transport"}),
}.items()})
