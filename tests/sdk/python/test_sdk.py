"""The unmodified Python SDK, in JSON and in protobuf, with tokens that PyJWT makes."""
import unittest

from conversations import Conversations
from gateway import token


class OverJson(Conversations, unittest.IsolatedAsyncioTestCase):
    pass


class OverProtobuf(Conversations, unittest.IsolatedAsyncioTestCase):
    protobuf = True

    async def test_bytes_go_where_the_namespace_lets_them(self):
        channel = self.fresh("raw")
        made, _ = await self.connected()
        mine, events = await self.subscribed(made, channel)
        await mine.publish(bytes(range(256)))
        self.assertEqual((await events.next("publication")).pub.data, bytes(range(256)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
