"""Tokens and REST, by the official Python SDK as anybody uses it."""

import base64
import time
import unittest

from ably.types.message import Message

from sandbox import (CHANNELS, FULL, PORT, REVOCABLE, Case, auth_url, bare, code_of, jwt, name_of, secret_of,
                     signed_by_us, someone)


class Rest(Case):
    async def test_a_token_request_from_a_key(self):
        client = self.rest(key=FULL)
        token = await client.auth.request_token({"ttl": 60_000, "client_id": "bob", "capability": {"a": ["subscribe"]}})
        self.assertEqual(token.expires - token.issued, 60_000)
        self.assertEqual((token.client_id, token.capability.to_dict()), ("bob", {"a": ["subscribe"]}))
        await client.auth.authorize()
        await client.channels.get("a").status()

    async def test_auth_callback(self):
        issuer = self.rest(key=FULL)

        async def token(params):
            return (await issuer.auth.request_token(params)).token

        async def own_jwt(params):
            return jwt(FULL, claims={"x-ably-clientId": params["client_id"]})

        async def ours(params):
            return signed_by_us(FULL, "--client-id", params["client_id"])

        forms = {
            "a TokenRequest": issuer.auth.create_token_request,
            "a TokenDetails": issuer.auth.request_token,
            "a token": token,
            "a JWT": own_jwt,
            "a TokenRequest that we signed": ours,
        }
        for form, callback in forms.items():
            with self.subTest(form):
                await self.uses_token_of(someone(), auth_callback=callback)

    async def test_auth_callback_fails(self):
        async def callback(_):
            raise RuntimeError("no")

        await self.fails_with(40170, 401, self.rest(auth_callback=callback).channels.get("a").status())

    async def test_auth_url(self):
        for method in ("GET", "POST"):
            for answer in ("token", "jwt", "details", "request"):
                with self.subTest(f"{answer} by {method}"):
                    client_id = someone()
                    # The SDK (3.1.4) calls a client id "client_id" where it asks an authUrl.
                    params = {"clientId": client_id}
                    await self.uses_token_of(client_id, auth_url=auth_url(answer), auth_method=method, auth_params=params)

    async def uses_token_of(self, client_id, **auth):
        client = self.rest(default_token_params={"client_id": client_id}, **auth)
        channel = client.channels.get("a")
        await channel.publish("name", "data")
        page = await channel.history()
        self.assertEqual(page.items[0].client_id, client_id)

    async def test_auth_url_refuses(self):
        # What the auth server says goes for the SDK where it is an Ably error.
        refused = [("error?code=40300&status=403", 40300, 403), ("error", 40100, 401), ("html", 40170, 401)]
        for answer, code, status_code in refused:
            with self.subTest(answer):
                client = self.rest(auth_url=auth_url(answer))
                await self.fails_with(code, status_code, client.channels.get("a").status())

    async def test_a_jwt(self):
        await self.rest(token=jwt(FULL)).channels.get("a").status()
        refused = [
            (40144, jwt(FULL, secret="wrong")),
            (40003, jwt(FULL, lives=25 * 3600)),
            (40160, jwt(FULL, claims={"x-ably-capability": '{"b":["subscribe"]}'})),
        ]
        for code, token in refused:
            with self.subTest(code):
                # The SDK takes 40144 for a reason to get another token, which it cannot.
                expected = (40171, 403) if code == 40144 else (code, 400 if code == 40003 else 401)
                await self.fails_with(*expected, self.rest(token=token).channels.get("a").status())
                self.assertEqual(code_of(token), code)

    async def test_what_a_token_request_is_checked_for(self):
        auth = self.rest(key=FULL).auth
        signed = (await auth.create_token_request({"client_id": "bob"})).to_dict()

        def code(request):
            return bare(f"/keys/{name_of(FULL)}/requestToken", "POST", body=request)[1]

        self.assertEqual(code({**signed, "clientId": "eve"}), 40101, "changed after it was signed")
        self.assertIsNone(code(signed))
        self.assertEqual(code(signed), 40105, "sent twice")
        old = {"timestamp": int(time.time() * 1000) - 30 * 60_000}
        self.assertEqual(code((await auth.create_token_request(old)).to_dict()), 40104)
        self.assertEqual(code((await auth.create_token_request({"ttl": 25 * 3_600_000})).to_dict()), 40003)

    async def test_wrong_keys(self):
        app = name_of(FULL).split(".")[0]
        wrong = [
            (f"{name_of(FULL)}:wrong", 40101, 401),
            (f"{app}.nobody:{secret_of(FULL)}", 40400, 401),
            ("zzzzzz.nobody:secret", 40400, 404),
            ("invalid.key:secret", 40101, 401),
        ]
        for key, code, status_code in wrong:
            with self.subTest(code):
                await self.fails_with(code, status_code, self.rest(key=key).channels.get("a").status())
        await self.fails_with(40101, 401, self.rest(key=f"{name_of(FULL)}:wrong").auth.request_token())

    async def test_a_key_without_tls(self):
        await self.fails_with(40103, 401, self.rest(key=FULL, tls=False).channels.get("a").status())

    async def test_a_token_without_tls(self):
        token = await self.rest(key=FULL).auth.request_token()
        await self.rest(token_details=token, tls=False, port=PORT).channels.get("a").status()

    async def test_a_restricted_capability(self):
        issuer = self.rest(key=CHANNELS)
        token = await issuer.auth.request_token({"capability": {"channel2": ["subscribe", "presence"]}})
        self.assertEqual(token.capability.to_dict(), {"channel2": ["subscribe"]})
        channel = self.rest(token_details=token).channels.get("channel2")
        await self.fails_with(40160, 401, channel.publish("name", "data"))
        await self.fails_with(40160, 401, issuer.auth.request_token({"capability": {"other": ["subscribe"]}}))

    async def test_a_client_id_that_is_not_the_token_s(self):
        token = (await self.rest(key=FULL).auth.request_token({"client_id": "bob"})).token
        bob = self.rest(token=token)
        await self.fails_with(40012, 400, bob.channels.get("a").publish(Message(name="name", data="data", client_id="eve")))
        # The SDK sends this header with keys alone.
        headers = {"Authorization": f"Bearer {token}", "X-Ably-ClientId": base64.b64encode(b"eve").decode()}
        self.assertEqual(bare("/channels/a", headers=headers), (401, 40102))

    async def test_an_expired_token_is_renewed(self):
        issuer, made = self.rest(key=FULL), []

        async def callback(_):
            made.append(await issuer.auth.request_token({"ttl": 60_000 if made else 1}))
            return made[-1]

        await self.rest(auth_callback=callback).channels.get("a").status()
        self.assertEqual(len(made), 2)

    async def test_an_expired_token_that_cannot_be_renewed(self):
        token = (await self.rest(key=FULL).auth.request_token({"ttl": 1})).token
        await self.fails_with(40171, 403, self.rest(token=token).channels.get("a").status())
        self.assertEqual(code_of(token), 40142)

    async def test_revocation(self):
        client, client_id = self.rest(key=REVOCABLE), someone()
        hit = await client.auth.request_token({"client_id": client_id})
        missed = await client.auth.request_token({"client_id": someone()})
        answer = await self.revoke(client, [f"clientId:{client_id}", "nonsense:x"])
        outcome = answer.items[0]
        self.assertEqual((answer.status_code, outcome["successCount"], outcome["failureCount"]), (201, 1, 1))
        self.assertEqual(outcome["results"][0]["target"], f"clientId:{client_id}")
        self.assertEqual(outcome["results"][1]["error"]["code"], 40001)
        self.assertEqual((code_of(hit.token), code_of(missed.token)), (40141, None))
        again = await client.auth.request_token({"client_id": client_id})
        self.assertIsNone(code_of(again.token), "a token that was issued later")

    async def test_revocation_by_somebody_who_must_not(self):
        token = await self.rest(key=REVOCABLE).auth.request_token()
        refused = [
            (self.rest(token_details=token), REVOCABLE, 40162),
            (self.rest(key=FULL), FULL, 40163),
            (self.rest(key=FULL), REVOCABLE, 40133),
        ]
        for client, key, code in refused:
            with self.subTest(code):
                answer = await self.revoke(client, ["clientId:bob"], key)
                self.assertEqual((answer.status_code, int(answer.error_code)), (401, code))

    @staticmethod
    async def revoke(client, targets, key=REVOCABLE):
        # The SDK (3.1.4) has no method for it.
        return await client.request("POST", f"/keys/{name_of(key)}/revokeTokens", "3", body={"targets": targets})


if __name__ == "__main__":
    unittest.main()
