import time
import unicodedata

import httpx2 as httpx
import pytest
from faker import Faker
from pydantic import ValidationError

from modules.auth.passwords.guessable import common_passwords
from modules.auth.passwords.policy import PasswordPolicy
from shared.errors import ValidationFailed
from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.conftest import MakeApp, client_of, log_in
from tests.factories import RegisterRequestFactory

EMAIL = "ada.lovelace@x.io"


async def register(client: httpx.AsyncClient, password: object, **values: object) -> httpx.Response:
    return await client.post("/api/auth/register", json={"email": EMAIL, "password": password} | values)


async def accepts(client: httpx.AsyncClient, password: str) -> bool:
    answer = await client.post("/api/auth/login", json={"email": EMAIL, "password": password})
    if answer.status_code == 200:
        return True
    assert_failure(answer, 401, "invalid_credentials")
    return False


async def fault_of(client: httpx.AsyncClient, password: object, **values: object) -> str:
    ((loc, type_),) = input_errors(await register(client, password, **values))
    assert loc == ("body", "password")
    return type_


async def test_item_01_a_password_has_at_least_fifteen_characters(client: httpx.AsyncClient) -> None:
    assert await fault_of(client, "purple-tractor") == "password_too_short"

    data_of(await register(client, "purple-tractors"), 201)


async def test_item_01_the_least_length_is_a_setting(make_app: MakeApp) -> None:
    async with client_of(make_app(auth={"password_min_length": 8})) as client:
        assert await fault_of(client, "tractor") == "password_too_short"
        data_of(await register(client, "tractors"), 201)
    with pytest.raises(ValidationError):
        make_app(auth={"password_min_length": 7})


async def test_item_02_a_password_has_at_most_256_characters(client: httpx.AsyncClient) -> None:
    longest = "purple tractor 7" * 16

    assert await fault_of(client, longest + "x") == "password_too_long"
    assert await fault_of(client, "x" * 1025) == "too_long"
    data_of(await register(client, longest), 201)
    assert await log_in(client, EMAIL, longest)


async def test_a_password_that_repeats_a_few_characters_is_too_simple(client: httpx.AsyncClient) -> None:
    assert await fault_of(client, "abcdabcdABCDabcd") == "password_too_simple"


@pytest.mark.parametrize(
    "password",
    [
        "password123456789",
        "Qwertyuiop1234567",
        "q1w2e3r4t5y6u7i8",
        "iloveyou!!!!!!!!",
        "--- Sunshine ---",
        "2024-letmein-2025",
        "passwordpasswordpassword",
        "passwordpasswordpass",
        "Password Password Password",
        "password1password1password1",
        "P@ssw0rd123456789",
        "1234567890123456",
        "2024-11-22 20:15:38",
        "abc1234567890123",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44 123456789",
        "qwertyuiopasdfgh",
        "abcdefghijklmnopqrstuvwxyz",
        "passwordqwerty123",
        "password\u2014\u2014\u2014\u2014\u2014\u2014\u2014\u2014",
        "correcthorsebatterystaple",
        "1q2w3e4r5t6y7u8i",
    ],
)
async def test_item_07_a_common_password_is_refused_however_it_was_made_longer(
    client: httpx.AsyncClient, password: str
) -> None:
    assert await fault_of(client, password) == "password_too_common"


async def test_a_short_common_password_is_refused_as_it_is(make_app: MakeApp) -> None:
    async with client_of(make_app(auth={"password_min_length": 8})) as client:
        for password in ("trustno1", "STARWARS", "dragon77", "passw0rd", "b@seball"):
            assert await fault_of(client, password) == "password_too_common"


@pytest.mark.parametrize(
    "password",
    [
        "seven purple tractors sing",
        "dragon master shadow",
        "monkey-football-99",
        "crystalonionhamburgerviolin",
        "4711 purple 0815 tractors",
        "to be or not to be to",
        "\u5bc6\u7801" + "\u94a5\u5319\u5728\u8fd9\u91cc\u4e0d\u8981\u4e22\u4e86\u6211\u7684\u732b\u5440",
        "\U0001f600\U0001f601\U0001f602\U0001f603\U0001f604" * 3,
    ],
)
async def test_item_05_words_of_any_script_are_a_password_without_digits_and_signs(
    client: httpx.AsyncClient, password: str
) -> None:
    data_of(await register(client, password), 201)


@pytest.mark.parametrize(
    ("kind", "passwords"),
    [
        ("listed", ["perasperaadastra", "30SecondsToMars", "Correct Horse Battery Staple"]),
        ("walks", ["asdfghjklqwertyuiop", "qazwsxedcrfvtgb", "zaq12wsxcde34rfv", "ytrewqpoiuytrewq"]),
        ("with shift", ["!QAZ@WSX#EDC$RFV", "QWERTYUIOP{}ASDF"]),
        ("with blanks", ["q w e r t y u i o p", "P A S S W O R D 1 2 3", "password qwerty 1234", "Admin-Admin-Test-1"]),
        ("qwertz", ["qwertzuiopasdfgh", "yxcvbnmasdfghjkl"]),
        ("azerty", ["azertyuiopqsdfgh"]),
        (
            "cyrillic",
            ["\u0439\u0446\u0443\u043a\u0435\u043d\u0433\u0448\u0449\u0437\u0445\u044a\u0444\u044b\u0432\u0430"],
        ),
        ("wide", ["\uff51\uff57\uff45\uff52\uff54\uff59\uff55\uff49\uff4f\uff50\uff41\uff53\uff44\uff46\uff47"]),
        (
            "alphabets",
            [
                "zyxwvutsrqponmlkjihgfedcba",
                "abcdefghijklmnopqrstuvwxyzab",
                "\u03b1\u03b2\u03b3\u03b4\u03b5\u03b6\u03b7\u03b8\u03b9\u03ba\u03bb\u03bc\u03bd\u03be\u03bf",
            ],
        ),
        ("numbers", ["123456789012345", "0123456789abcdef", "acegikmoqsuwyace", "13579 24680 13579"]),
        (
            "repetition",
            [
                "aaaabbbbccccddddeeee",
                "letmeinletmeinletmein",
                "xkcd12xkcd12xkcd12",
                "passwordpassword1",
                "kx9!w-kx9!w-kx9!w-",
            ],
        ),
        (
            "joined",
            ["iloveyoumonkey123", "dragonmastershadow", "password2024qwerty", "p@ssw0rdqwerty1", "drowssap12345678"],
        ),
        (
            "padded",
            [
                "---Superman2024---",
                "password \u2605\u2605\u2605\u2605\u2605\u2605\u2605",
                "\u00abpassword\u00bb \u0661\u0662\u0663\u0664\u0665",
            ],
        ),
    ],
)
def test_item_07_what_everybody_comes_to_is_refused(kind: str, passwords: list[str]) -> None:
    good = [password for password in passwords if refusal(password) != "password_too_common"]

    assert not good, kind


def refusal(password: str) -> str | None:
    try:
        PasswordPolicy(15, "Modular Monolith").require_good(password)
    except ValidationFailed as refused:
        return str((refused.data or {})["errors"][0]["type"])
    return None


def test_item_07_three_thousand_listed_passwords_are_long_enough_for_the_policy() -> None:
    long = [password for password in common_passwords() if len(password) >= 15]

    assert len(long) >= 3000
    assert len(common_passwords()) > 30_000
    for password in long:
        assert unicodedata.normalize("NFKC", password).casefold() == password
        assert refusal(password) in {"password_too_common", "password_too_simple"}


def test_no_random_password_is_refused() -> None:
    policy = PasswordPolicy(15, "Modular Monolith")

    for request in RegisterRequestFactory.batch(5_000):
        policy.require_good(request.password, request.email)


@pytest.mark.parametrize("separator", [" ", "-", ""])
def test_no_phrase_of_four_words_is_refused(separator: str, faker: Faker) -> None:
    # The fixture draws the same words each time. "pass I free look" would be three common words and a letter.
    words = [word for word in faker.words(nb=8_000) if len(word) > 2]
    phrases = [separator.join(words[number : number + 4]) for number in range(0, len(words), 4)]

    assert [phrase for phrase in phrases if len(phrase) >= 15 and refusal(phrase)] == []


def test_a_long_password_is_judged_quickly() -> None:
    for password in (
        "a" * 200 + "bcdefq" * 9,
        "passwordqwerty1x" * 16,
        "qwertyuiop" * 25 + "x",
        "purple tractor 7" * 16,
    ):
        started = time.process_time()
        refusal(password)
        assert time.process_time() - started < 0.1


async def test_item_07_a_password_does_not_contain_its_context(client: httpx.AsyncClient) -> None:
    from_the_address, from_the_nickname, from_the_service = (
        "the-LOVELACE-family-2024",
        "countess-of-augusta-17",
        "a-monolith-of-granite",
    )
    for password in (from_the_address, from_the_nickname, from_the_service):
        assert await fault_of(client, password, nickname="Augusta") == "password_too_obvious"

    data_of(await register(client, from_the_nickname), 201)


async def test_item_07_a_password_does_not_contain_its_own_address(client: httpx.AsyncClient) -> None:
    for password in ("my-Ada@Acme-Post.example-2024", "ada@acme-post.example"):
        assert await fault_of(client, password, email="ada@acme-post.example") == "password_too_obvious"

    # The words of a domain are mostly a mail provider's, and too common to be forbidden.
    data_of(await register(client, "a post card of acme roads", email="ada@acme-post.example"), 201)


async def test_the_password_is_never_in_the_answer(client: httpx.AsyncClient) -> None:
    for password in ("canary-17", "canary-17" * 60, "canary-17" * 120, ["canary-17"], {"a": "canary-17"}):
        answer = await register(client, password)
        assert input_errors(answer)
        assert "canary" not in answer.text


async def test_a_password_is_text(client: httpx.AsyncClient) -> None:
    for password in (None, 15, True, ["purple tractors sing"], ""):
        assert [loc for loc, _ in input_errors(await register(client, password))] == [("body", "password")]


async def test_item_02_sixty_four_characters_of_any_script_are_a_password(client: httpx.AsyncClient) -> None:
    password = "密碼是一把好鑰匙" * 8
    assert len(password) == 64

    data_of(await register(client, password), 201)

    assert await accepts(client, password)
    assert not await accepts(client, password[:-1])


async def test_item_03_passwords_count_to_their_last_character(client: httpx.AsyncClient) -> None:
    start = ("seven purple tractors sing. " * 3)[:72]
    data_of(await register(client, f"{start}X"), 201)

    assert await accepts(client, f"{start}X")
    assert not await accepts(client, f"{start}Y")
    assert not await accepts(client, start)


async def test_item_06_a_letter_counts_once_however_it_was_typed(client: httpx.AsyncClient) -> None:
    composed, decomposed = "\u00e9t\u00e9 \u00e0 la mer", "e\u0301te\u0301 a\u0300 la mer"
    assert len(composed) < 15 <= len(decomposed)

    for password in (composed, decomposed):
        assert await fault_of(client, password) == "password_too_short"


async def test_item_05_blanks_and_case_count(client: httpx.AsyncClient) -> None:
    password = "   correct Horse battery   "
    data_of(await register(client, password), 201)

    assert await accepts(client, password)
    assert not await accepts(client, password.strip())
    assert not await accepts(client, password.lower())


async def test_control_characters_count(client: httpx.AsyncClient) -> None:
    password = "purple\u0000tractors\tsing"
    data_of(await register(client, password), 201)

    assert await accepts(client, password)
    assert not await accepts(client, "purple\u0000tractors\tsong")


async def test_item_06_composed_and_decomposed_letters_are_the_same_password(client: httpx.AsyncClient) -> None:
    data_of(await register(client, "caf\u00e9 au lait, toujours"), 201)

    assert await accepts(client, "cafe\u0301 au lait, toujours")
    assert not await accepts(client, "cafe au lait, toujours")
