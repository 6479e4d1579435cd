"""What a client of the Python SDK may say and hear: a mixin, for both encodings."""
import asyncio
import itertools
import json

from centrifuge import CentrifugeError, ReplyError, StreamPosition

from gateway import Line, Gateway, LIMIT_S, SubscriptionEvents, client, now, token

numbers = itertools.count()


class Conversations:
    protobuf = False

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway()

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    def fresh(self, namespace):
        return f"{namespace}:{next(numbers)}"

    def bytes_or_value(self, value):
        """A payload as this encoding takes it."""
        return json.dumps(value).encode() if self.protobuf else value

    def value(self, data):
        return json.loads(data) if self.protobuf else data

    def client(self, port=None, protobuf=None, **settings):
        encoding = self.protobuf if protobuf is None else protobuf
        made, events = client(port or self.gateway.client_port, encoding, **settings)
        self.addAsyncCleanup(made.disconnect)
        return made, events

    async def connected(self, user="42", claims=None, **settings):
        made, events = self.client(**{"token": token(user, **(claims or {})), **settings})
        await made.connect()
        await events.next("connected")
        return made, events

    def subscription(self, made, channel, **settings):
        events = SubscriptionEvents()
        return made.new_subscription(channel, events=events, **settings), events

    async def subscribed(self, made, channel, **settings):
        subscription, events = self.subscription(made, channel, **settings)
        await subscription.subscribe()
        await events.next("subscribed")
        return subscription, events

    async def line(self):
        made = Line(self.gateway.client_port)
        self.addAsyncCleanup(made.close)
        return made, await made.open()

    async def answered(self, made):
        """Until all that was sent before has been answered."""
        with self.assertRaises(ReplyError) as refused:
            await made.rpc("nothing", self.bytes_or_value({}))
        self.assertEqual(refused.exception.code, 108)

    # Coming in

    async def test_a_token_lets_its_user_in(self):
        made, events = self.client(token=token())
        await made.connect()
        welcome = await events.next("connected")
        self.assertRegex(welcome.client, r"^[0-9a-f-]{36}$")
        self.assertRegex(welcome.version, r"^carillon ")

    async def test_a_token_is_fetched_where_there_is_none_and_where_its_time_is_over(self):
        for first in ("", token(exp=1_000_000_000)):
            async def fetch():
                return token()
            made, events = self.client(token=first, get_token=fetch)
            await made.connect()
            await events.next("connected")

    async def test_tokens_are_shown_anew_before_their_end(self):
        asked = asyncio.Queue()
        channel = self.fresh("order")

        async def fetch():
            asked.put_nowait("connection")
            return token()

        async def fetch_for(its):
            asked.put_nowait(its)
            return token(channel=its)
        made, _ = await self.connected(claims={"exp": now() + 2}, get_token=fetch)
        await self.subscribed(made, channel, token=token(channel=channel, exp=now() + 2), get_token=fetch_for)
        async with asyncio.timeout(LIMIT_S):
            self.assertEqual({await asked.get(), await asked.get()}, {"connection", channel})
        await self.answered(made)
        self.assertIn(channel, self.gateway.api("connections", user="42")["result"]["connections"][0]["channels"])

    async def test_who_is_refused_gets_the_documented_code(self):
        nine = [self.fresh("chat") for _ in range(9)]
        for what, shown, code in [
            ("another secret", token(secret="another secret of these tests, of 32 bytes"), 3500),
            ("no token", "", 3501),
            ("a token for a subscription", token(channel="chat:1"), 3500),
            ("its connection's time is over", token(expire_at=1_000_000_000), 110),
            ("no such namespace", token(channels=["nowhere:1"]), 102),
            ("more channels than may be", token(channels=nine), 3505),
            ("bytes that are no JSON", token(b64info="AAEC"), 3506),
        ]:
            with self.subTest(what):
                made, events = self.client(token=shown)
                await made.connect()
                self.assertEqual((await events.next("disconnected")).code, code)

    async def test_an_end_by_the_server_is_final_from_3500(self):
        made, events = await self.connected("leaver")
        self.gateway.api("disconnect", user="leaver")
        self.assertEqual((await events.next("disconnected")).code, 3503)

    # Subscribing

    async def test_a_subscription_token_opens_what_is_closed(self):
        made, _ = await self.connected()
        for channel in (self.fresh("order"), "$" + self.fresh("chat")):
            await self.subscribed(made, channel, token=token(channel=channel))

    async def test_a_subscription_is_refused_with_the_documented_code(self):
        made, _ = await self.connected()
        order = self.fresh("order")
        for what, channel, shown, code in [
            ("no token", order, "", 103),
            ("another secret", order, token(channel=order, secret="another secret of these tests, of 32 bytes"), 103),
            ("a token for a connection", order, token(), 103),
            ("no such namespace", "nowhere:1", "", 102),
            ("private", "$chat:1", "", 103),
            ("a long name", "chat:" + "x" * 251, "", 107),
            ("letters beyond ASCII", "chat:\u00e9", "", 107),
        ]:
            with self.subTest(what):
                subscription, events = self.subscription(made, channel, token=shown)
                await subscription.subscribe()
                self.assertEqual((await events.next("unsubscribed")).code, code)
                made.remove_subscription(subscription)

    async def test_a_subscription_whose_token_has_ended_gets_another(self):
        made, _ = await self.connected()
        channel = self.fresh("order")

        async def fetch(its):
            return token(channel=its)
        await self.subscribed(made, channel, token=token(channel=channel, exp=1_000_000_000), get_token=fetch)

    async def test_somebody_elses_subscription_token_ends_the_connection(self):
        for what, claims in [("user", {"user": "43", "channel": "order:1"}), ("channel", {"channel": "order:2"}),
                             ("client", {"channel": "order:1", "client": "another"})]:
            with self.subTest(what):
                made, events = await self.connected()
                subscription, _ = self.subscription(made, "order:1", token=token(**claims))
                await subscription.subscribe()
                self.assertEqual((await events.next("disconnected")).code, 3500)

    async def test_there_is_a_limit_on_subscriptions(self):
        made, _ = await self.connected()
        for _ in range(8):
            await self.subscribed(made, self.fresh("plain"))
        ninth, events = self.subscription(made, self.fresh("plain"))
        await ninth.subscribe()
        self.assertEqual((await events.next("unsubscribed")).code, 106)

    async def test_the_server_subscribes_and_unsubscribes(self):
        mine, other = self.fresh("chat"), self.fresh("chat")
        user = f"guided-{self.protobuf}"
        made, events = self.client(token=token(user, channels=[mine]))
        await made.connect()
        self.assertEqual((await events.next("subscribed")).channel, mine)
        self.gateway.api("subscribe", user=user, channel=other, data={"seat": 7})
        given = await events.next("subscribed")
        self.assertEqual((given.channel, self.value(given.data)), (other, {"seat": 7}))
        self.gateway.api("broadcast", channels=[mine, other], data="both")
        heard = [await events.next("publication") for _ in range(2)]
        self.assertEqual({context.channel for context in heard}, {mine, other})
        self.gateway.api("unsubscribe", user=user, channel=other)
        self.assertEqual((await events.next("unsubscribed")).channel, other)

    async def test_a_client_is_unsubscribed_by_the_server(self):
        made, _ = await self.connected(f"shown-out-{self.protobuf}")
        channel = self.fresh("chat")
        _, events = await self.subscribed(made, channel)
        self.gateway.api("unsubscribe", user=f"shown-out-{self.protobuf}", channel=channel)
        self.assertEqual((await events.next("unsubscribed")).code, 2000)

    # What is published

    async def test_what_the_api_publishes_reaches_clients_of_both_encodings(self):
        channel = self.fresh("chat")
        data = {"text": "caf\u00e9 \u2615", "numbers": [1, -0.5, 10**17]}
        heard = []
        for protobuf in (False, True):
            made, _ = await self.connected(protobuf=protobuf)
            heard.append((await self.subscribed(made, channel))[1])
        self.gateway.api("publish", channel=channel, data=data, tags={"a": "b"})
        for events, read in zip(heard, (lambda got: got, json.loads)):
            publication = (await events.next("publication")).pub
            self.assertEqual((read(publication.data), publication.offset, publication.tags), (data, 1, {"a": "b"}))

    async def test_what_a_client_publishes_reaches_all_with_who_it_was(self):
        channel = self.fresh("chat")
        speaker, _ = await self.connected("7", {"info": {"name": "Ann"}})
        mine, heard_by_me = await self.subscribed(speaker, channel)
        listener, _ = await self.connected(protobuf=not self.protobuf)
        _, heard = await self.subscribed(listener, channel)
        await mine.publish(self.bytes_or_value({"text": "hi"}))
        for events, protobuf in ((heard_by_me, self.protobuf), (heard, not self.protobuf)):
            publication = (await events.next("publication")).pub
            read = json.loads if protobuf else lambda got: got
            self.assertEqual(read(publication.data), {"text": "hi"})
            self.assertEqual((publication.info.user, read(publication.info.conn_info)), ("7", {"name": "Ann"}))

    async def test_what_may_not_be_done_gets_the_documented_code(self):
        made, _ = await self.connected()
        chat, plain = self.fresh("chat"), self.fresh("plain")
        await self.subscribed(made, plain)
        one = self.bytes_or_value(1)
        for what, ask, code in [
            ("publish, not subscribed", lambda: made.publish(chat, one), 103),
            ("publish where clients may not", lambda: made.publish(plain, one), 103),
            ("publish to no namespace", lambda: made.publish("nowhere:1", one), 102),
            ("history where nothing is kept", lambda: made.history(plain), 108),
            ("history, not subscribed", lambda: made.history(chat), 103),
            ("presence where it is not known", lambda: made.presence(plain), 108),
            ("presence, not subscribed", lambda: made.presence(chat), 103),
            ("presence_stats, not subscribed", lambda: made.presence_stats(chat), 103),
            ("rpc, which nobody answers", lambda: made.rpc("x", one), 108),
        ]:
            with self.subTest(what), self.assertRaises(ReplyError) as refused:
                await ask()
            self.assertEqual(refused.exception.code, code)

    async def test_a_message_that_is_too_large_costs_the_connection(self):
        made, events = await self.connected()
        subscription, _ = await self.subscribed(made, self.fresh("chat"))
        with self.assertRaises(CentrifugeError):
            await subscription.publish(self.bytes_or_value("x" * 70_000), timeout=LIMIT_S)
        self.assertEqual((await events.next("connecting")).code, 3)  # what the SDK makes of 1009

    # What was published

    async def test_history_comes_in_pages_both_ways(self):
        made, _ = await self.connected()
        channel = self.fresh("chat")
        subscription, _ = await self.subscribed(made, channel)
        for number in range(5):
            await subscription.publish(self.bytes_or_value(number))
        nothing = await subscription.history(limit=0)
        self.assertEqual((nothing.publications, nothing.offset), ([], 5))
        for limit, since, reverse, expected in [
            (-1, None, False, [0, 1, 2, 3, 4]), (2, None, False, [0, 1]), (2, None, True, [4, 3]),
            (2, 2, False, [2, 3]), (10, 3, True, [1, 0]),
        ]:
            place = StreamPosition(since, nothing.epoch) if since else None
            page = await subscription.history(limit=limit, since=place, reverse=reverse)
            self.assertEqual([self.value(publication.data) for publication in page.publications], expected)
        with self.assertRaises(ReplyError) as refused:
            await subscription.history(limit=1, since=StreamPosition(1, "elsewhere"))
        self.assertEqual(refused.exception.code, 112)

    async def test_after_a_cut_comes_what_was_missed_once_and_in_order(self):
        line, port = await self.line()
        kept, given = self.fresh("chat"), self.fresh("chat")
        made, events = await self.connected(port=port, claims={"channels": [given]})
        _, heard = await self.subscribed(made, kept)
        self.gateway.api("broadcast", channels=[kept, given], data=0)
        await heard.next("publication")
        await events.next("publication")
        line.cut()
        await events.next("connecting")
        for number in range(1, 6):
            self.gateway.api("broadcast", channels=[kept, given], data=number)
        line.mend()
        back = await heard.next("subscribed")
        self.assertEqual((back.was_recovering, back.recovered), (True, True))
        self.gateway.api("broadcast", channels=[kept, given], data=6)
        for its in (heard, events):
            got = [self.value((await its.next("publication")).pub.data) for _ in range(6)]
            self.assertEqual(got, [1, 2, 3, 4, 5, 6])

    async def test_who_has_missed_too_much_is_told(self):
        line, port = await self.line()
        made, events = await self.connected(port=port)
        channel = self.fresh("chat")
        _, heard = await self.subscribed(made, channel)
        line.cut()
        await events.next("connecting")
        self.gateway.api("publish", channel=channel, data=1)
        self.gateway.api("history_remove", channel=channel)
        line.mend()
        back = await heard.next("subscribed")
        self.assertEqual((back.was_recovering, back.recovered), (True, False))

    async def test_a_state_of_the_applications_is_loaded_anew_when_it_cannot_be_recovered(self):
        channel = self.fresh("chat")
        self.gateway.api("publish", channel=channel, data="old")
        where = self.gateway.api("history", channel=channel, limit=0)["result"]
        loaded = []

        async def load(its):
            # First from a stream that is no more, as after a restart; the SDK then asks again.
            loaded.append(its)
            return StreamPosition(1, "elsewhere" if len(loaded) == 1 else where["epoch"])
        made, _ = await self.connected()
        _, events = await self.subscribed(made, channel, get_state=load)
        self.assertEqual(loaded, [channel, channel])
        self.gateway.api("publish", channel=channel, data="new")
        self.assertEqual(self.value((await events.next("publication")).pub.data), "new")

    # Who is there

    async def test_who_is_there_and_who_comes_and_goes(self):
        channel = self.fresh("chat")
        first, _ = await self.connected("1")
        watched, events = await self.subscribed(first, channel, join_leave=True)
        second, _ = await self.connected("2", {"info": {"name": "Bob"}}, protobuf=not self.protobuf)
        theirs, _ = await self.subscribed(second, channel)
        came = (await events.next("join")).info
        if came.user == "1":  # one's own coming is told, too
            came = (await events.next("join")).info
        self.assertEqual((came.user, self.value(came.conn_info)), ("2", {"name": "Bob"}))
        there = (await watched.presence()).clients
        self.assertEqual({info.user for info in there.values()}, {"1", "2"})
        count = await watched.presence_stats()
        self.assertEqual((count.num_clients, count.num_users), (2, 2))
        await theirs.unsubscribe()
        self.assertEqual((await events.next("leave")).info.user, "2")
