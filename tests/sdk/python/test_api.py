"""Centrifugo's client of the server API, in both of its kinds, and the forms that older clients send."""
import inspect
import json
import unittest
import urllib.error

import cent
from cent import dto

from gateway import API_KEY, Gateway, client, token

# What only the paid edition of Centrifugo has: each method with what it needs to be sent at all.
NOT_HERE = {
    "update_user_status": {"users": ["1"]}, "get_user_status": {"users": ["1"]}, "delete_user_status": {"users": ["1"]},
    "block_user": {"user": "1"}, "unblock_user": {"user": "1"}, "revoke_token": {"uid": "1"},
    "invalidate_user_tokens": {"user": "1"}, "device_register": {"provider": "fcm", "token": "1", "platform": "web"},
    "device_update": {}, "device_remove": {}, "device_list": {}, "device_topic_list": {},
    "device_topic_update": {"device_id": "1", "op": "add", "topics": []}, "user_topic_list": {},
    "user_topic_update": {"user": "1", "op": "add", "topics": []},
    "send_push_notification": {"recipient": {}, "notification": {}}, "cancel_push": {"uid": "1"},
    "update_push_status": {"analytics_uid": "1", "status": "delivered"},
}


class Api(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway()

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    def caller(self, kind):
        """A coroutine function that calls a method of that client and gives its result."""
        its = kind(self.gateway.api_url, API_KEY)

        async def call(method, **params):
            request = getattr(dto, "".join(part.title() for part in method.split("_")) + "Request")(**params)
            answer = getattr(its, method)(request)
            return await answer if inspect.isawaitable(answer) else answer

        async def close():
            closed = its.close()
            if inspect.isawaitable(closed):
                await closed
        self.addAsyncCleanup(close)
        return call

    async def connected(self, user):
        made, events = client(self.gateway.client_port, False, token=token(user))
        self.addAsyncCleanup(made.disconnect)
        await made.connect()
        return (await events.next("connected")).client, events

    async def test_every_method_of_both_clients(self):
        for kind in (cent.Client, cent.AsyncClient):
            with self.subTest(kind.__name__):
                await self.talk(self.caller(kind), kind.__name__)

    async def talk(self, call, name):
        user, one, two = f"user-{name}", f"chat:{name}", f"chat:{name}-2"
        its_client, events = await self.connected(user)
        await call("subscribe", user=user, channel=one, info={"seat": 7}, data={"hello": 1})
        self.assertEqual((await events.next("subscribed")).data, {"hello": 1})

        published = await call("publish", channel=one, data={"text": 1}, tags={"a": "b"}, idempotency_key="k")
        self.assertEqual(published.offset, 1)
        self.assertEqual((await call("publish", channel=one, data={"text": 1}, idempotency_key="k")), published)
        both = await call("broadcast", channels=[one, two], data=2)
        self.assertEqual([response.result.offset for response in both.responses], [2, 1])
        await call("publish", channel=one, data=3, skip_history=True)
        self.assertEqual([(await events.next("publication")).pub.data for _ in range(3)], [{"text": 1}, 2, 3])

        history = await call("history", channel=one, limit=10)
        self.assertEqual([(kept.data, kept.offset, kept.tags) for kept in history.publications],
                         [({"text": 1}, 1, {"a": "b"}), (2, 2, None)])
        after = await call("history", channel=one, limit=10, since=dto.StreamPosition(offset=1, epoch=history.epoch))
        self.assertEqual([kept.data for kept in after.publications], [2])
        newest = await call("history", channel=one, limit=1, reverse=True)
        self.assertEqual([kept.data for kept in newest.publications], [2])
        await call("history_remove", channel=one)
        self.assertEqual((await call("history", channel=one, limit=10)).publications, [])

        there = (await call("presence", channel=one)).presence
        self.assertEqual([(info.user, info.chan_info) for info in there.values()], [(user, {"seat": 7})])
        count = await call("presence_stats", channel=one)
        self.assertEqual((count.num_clients, count.num_users), (1, 1))
        self.assertEqual((await call("channels", pattern=one)).channels[one].num_clients, 1)
        node = (await call("info")).nodes[0]
        self.assertGreaterEqual(node.num_clients, 1)

        batch = await call("batch", parallel=False, requests=[
            dto.PublishRequest(channel=two, data=4), dto.HistoryRequest(channel=two, limit=1, reverse=True)])
        self.assertEqual((batch.replies[0].offset, batch.replies[1].publications[0].data), (2, 4))

        await call("unsubscribe", user=user, channel=one)
        self.assertEqual((await events.next("unsubscribed")).channel, one)
        await call("refresh", user=user, client=its_client, expire_at=4_000_000_000)
        await call("refresh", user=user, expired=True)
        self.assertEqual((await events.next("connecting")).code, 3005)
        await events.next("connected")
        await call("disconnect", user=user, disconnect=dto.Disconnect(code=4500, reason="bye"))
        ended = await events.next("disconnected")
        self.assertEqual((ended.code, ended.reason), (4500, "bye"))

    async def test_what_is_wrong_is_said_in_its_words(self):
        call = self.caller(cent.Client)
        for method, params, code in [
            ("publish", {"channel": "", "data": 1}, 107),
            ("history", {"channel": "plain:1"}, 108), ("presence", {"channel": "plain:1"}, 108),
            ("presence_stats", {"channel": "plain:1"}, 108), ("history_remove", {"channel": "plain:1"}, 108),
            ("disconnect", {"user": ""}, 107),
        ] + [(method, params, 104) for method, params in NOT_HERE.items()]:
            with self.subTest(method, params=params), self.assertRaises(cent.CentApiResponseError) as refused:
                await call(method, **params)
            self.assertEqual(refused.exception.code, code)

    async def test_another_key_is_refused(self):
        with self.assertRaises(cent.CentUnauthorizedError):
            cent.Client(self.gateway.api_url, "another").info(dto.InfoRequest())

    async def test_older_clients_send_one_command_or_several_to_one_path(self):
        publish = {"method": "publish", "params": {"channel": "plain:old", "data": 1}}
        unknown = {"method": "nothing", "params": {}}
        done, absent = {"result": {}}, {"error": {"code": 104, "message": "not found"}}
        for commands, expected in [([publish], [done]), ([publish, unknown, publish], [done, absent, done])]:
            body = "".join(json.dumps(command) + "\n" for command in commands)
            answers = self.gateway.post("/api", body, {"Authorization": f"apikey {API_KEY}"})
            self.assertEqual([json.loads(line) for line in answers.splitlines()], expected)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.gateway.post("/api", json.dumps(publish) + "{")
        self.assertEqual(refused.exception.code, 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)
