"""Connections, by the official Python SDK as anybody uses it."""

import asyncio
import unittest

from ably.types.authoptions import AuthOptions
from ably.types.connectionstate import ConnectionEvent, ConnectionState

from sandbox import CHANNELS, FULL, REVOCABLE, Case, auth_url, jwt, name_of, secret_of, someone

CONNECTED, DISCONNECTED, FAILED = ConnectionState.CONNECTED, ConnectionState.DISCONNECTED, ConnectionState.FAILED
UPDATE = ConnectionEvent.UPDATE


class Realtime(Case):
    def setUp(self):
        self.issuer = self.rest(key=REVOCABLE)

    def tokens(self, *params):
        """An auth_callback that gets tokens one after the other, and counts them."""
        made = []

        async def callback(_):
            token = await self.issuer.auth.request_token(params[min(len(made), len(params) - 1)])
            made.append(token)
            return token

        return callback, made

    async def connected(self, **options):
        client = self.realtime(**options)
        await self.next(client.connection, CONNECTED)
        return client

    @staticmethod
    def changes(client):
        """The states from now on, with their codes."""
        seen = []
        client.connection.connection_manager.on(
            "connectionstate", lambda change: seen.append((change.current, getattr(change.reason, "code", None)))
        )
        return seen

    async def test_connecting(self):
        token = (await self.issuer.auth.request_token({"client_id": "bob"})).token
        ways = {"a key": {"key": FULL}, "a token": {"token": token}, "a JWT": {"token": jwt(FULL)}, "an authUrl": {"auth_url": auth_url("request")}}
        for way, options in ways.items():
            with self.subTest(way):
                client = await self.connected(**options)
                self.assertEqual(client.auth.client_id, "bob" if way == "a token" else None)

    async def test_connecting_with_wrong_keys(self):
        app = name_of(FULL).split(".")[0]
        wrong = {f"{name_of(FULL)}:wrong": 40101, f"{app}.nobody:{secret_of(FULL)}": 40400, "invalid.key:secret": 40101}
        for key, code in wrong.items():
            with self.subTest(code):
                client = self.realtime(key=key)
                change = await self.next(client.connection, FAILED)
                self.assertEqual(change.reason.code, code)

    async def test_connecting_where_the_auth_url_refuses(self):
        for answer, state, status_code in (("error?code=40300&status=403", FAILED, 403), ("error", DISCONNECTED, 401)):
            with self.subTest(answer):
                client = self.realtime(auth_url=auth_url(answer))
                change = await self.next(client.connection, state)
                self.assertEqual((change.reason.code, change.reason.status_code), (80019, status_code))

    async def test_connecting_as_somebody_else_than_the_token_s_client(self):
        token = (await self.issuer.auth.request_token({"client_id": "bob"})).token
        change = await self.next(self.realtime(token=token, client_id="eve").connection, FAILED)
        self.assertEqual((change.reason.code, change.reason.status_code), (40102, 401))

    async def test_a_channel_beyond_the_capability(self):
        client = await self.connected(key=CHANNELS)
        await client.channels.get("channel2").attach()
        await self.fails_with(40160, 401, client.channels.get("other").attach())
        await self.fails_with(40160, 401, client.channels.get("channel3").publish("name", "data"))
        self.assertEqual(client.connection.state, CONNECTED)

    async def test_what_is_published_arrives(self):
        alice, bob = await self.connected(key=FULL), await self.connected(key=FULL)
        arrived = asyncio.get_running_loop().create_future()

        def listener(message):
            arrived.set_result(message)

        await bob.channels.get("room").subscribe(listener)
        await alice.channels.get("room").publish("greeting", {"text": "hello"})
        message = await asyncio.wait_for(arrived, 10)
        self.assertEqual((message.name, message.data), ("greeting", {"text": "hello"}))

    async def test_authorize_on_a_live_connection(self):
        callback, made = self.tokens({})
        client = await self.connected(auth_callback=callback)
        connection_id, seen = client.connection.connection_manager.connection_id, self.changes(client)
        update = asyncio.ensure_future(self.next(client.connection, UPDATE))
        await client.auth.authorize()
        await update
        self.assertEqual(client.connection.connection_manager.connection_id, connection_id)
        self.assertEqual((len(made), seen), (2, []))

    async def test_authorize_with_less_and_with_more(self):
        both = {"capability": {"a": ["*"], "b": ["*"]}}
        callback, _ = self.tokens(both, {"capability": {"a": ["*"]}}, both)
        client = await self.connected(auth_callback=callback)
        a, b = client.channels.get("a"), client.channels.get("b")
        await a.attach()
        await b.attach()
        failed = asyncio.ensure_future(self.next(b, "failed"))
        await client.auth.authorize()
        self.assertEqual((await failed).reason.code, 40160)
        self.assertEqual(client.connection.state, CONNECTED)
        # The SDK attaches every channel anew after an update.
        self.assertIn(a.state.value, ("attached", "attaching"))
        await self.fails_with(40160, 401, b.attach())
        await client.auth.authorize()
        await b.attach()

    async def test_authorize_as_somebody_else(self):
        callback, _ = self.tokens({"client_id": "bob"})
        client = await self.connected(auth_callback=callback)
        eve = await self.issuer.auth.request_token({"client_id": "eve"})

        async def other(_):
            return eve.token

        # The SDK refuses by itself, and the connection goes on.
        await self.fails_with(40102, 400, client.auth.authorize(auth_options=AuthOptions(auth_callback=other)))
        self.assertEqual(client.connection.state, CONNECTED)

    async def test_re_authentication_before_expiry(self):
        # Asked for 30 seconds before the end.
        callback, made = self.tokens({"ttl": 31_000}, {})
        client = await self.connected(auth_callback=callback)
        connection_id, seen = client.connection.connection_manager.connection_id, self.changes(client)
        await self.next(client.connection, UPDATE)
        self.assertEqual(client.connection.connection_manager.connection_id, connection_id)
        self.assertEqual((len(made), seen), (2, []))

    async def test_expiry_with_another_token_at_hand(self):
        callback, made = self.tokens({"ttl": 2_000}, {})
        client = await self.connected(auth_callback=callback)
        connection_id = client.connection.connection_manager.connection_id
        self.assertEqual((await self.next(client.connection, DISCONNECTED)).reason.code, 40142)
        await self.next(client.connection, CONNECTED)
        self.assertEqual(client.connection.connection_manager.connection_id, connection_id)
        self.assertEqual(len(made), 2)

    async def test_expiry_without_another_token(self):
        token = (await self.issuer.auth.request_token({"ttl": 2_000})).token
        client = await self.connected(token=token)
        change = await self.next(client.connection, FAILED)
        self.assertEqual((change.reason.code, change.reason.status_code), (40171, 403))

    async def test_connecting_with_an_expired_token(self):
        callback, made = self.tokens({"ttl": 1}, {})

        async def token(params):
            return (await callback(params)).token

        client = self.realtime(auth_callback=token)
        self.assertEqual((await self.next(client.connection, DISCONNECTED)).reason.code, 40142)
        self.assertEqual(len(made), 2)
        # The SDK (3.1.4) has another token, and would use it in 15 seconds.
        client.connect()
        await self.next(client.connection, CONNECTED)

    async def test_revocation_of_a_live_connection_s_token(self):
        client_id = someone()
        callback, made = self.tokens({"client_id": client_id})
        client = await self.connected(auth_callback=callback)
        disconnected = asyncio.ensure_future(self.next(client.connection, DISCONNECTED))
        await self.revoke(client_id)
        self.assertEqual((await disconnected).reason.code, 40141)
        await self.next(client.connection, CONNECTED)
        self.assertEqual(len(made), 2)

    async def test_revocation_with_a_margin(self):
        client_id = someone()
        callback, made = self.tokens({"client_id": client_id})
        client = await self.connected(auth_callback=callback)
        seen = self.changes(client)
        update = asyncio.ensure_future(self.next(client.connection, UPDATE))
        before = await self.issuer.time()
        answer = await self.revoke(client_id, allowReauthMargin=True)
        self.assertGreater(answer.items[0]["results"][0]["appliesAt"], before + 30_000)
        await update
        self.assertEqual((len(made), seen), (2, []))

    async def revoke(self, client_id, **more):
        # The SDK (3.1.4) has no method for it.
        path = f"/keys/{name_of(REVOCABLE)}/revokeTokens"
        return await self.issuer.request("POST", path, "3", body={"targets": [f"clientId:{client_id}"], **more})


if __name__ == "__main__":
    unittest.main()
