from hypothesis import given
from hypothesis import strategies as st

from etl.values import keys

ids = st.integers(1, 36**5 - 1).map(str)
months = st.tuples(st.integers(2000, 2099), st.integers(1, 12)).map(lambda pair: f"{pair[0]}-{pair[1]:02}")


@st.composite
def numbers(draw):
    kind = draw(st.sampled_from(["order", "invoice", "charge", "act", "reversal"]))
    if kind == "charge":
        deal, month, version = draw(ids), draw(months), draw(st.integers(1, 99))
        known = min(version, 35)
        return keys.charge(deal, month, version), keys.Key("charge", deal, month=month, version=known)
    if kind in ("act", "reversal"):
        deal, part, turn = draw(ids), draw(st.sampled_from([1, 2])), draw(st.integers(1, 35))
        return keys.act(deal, part, turn, reversal=kind == "reversal"), keys.Key(
            kind, deal, part=part, turn=turn
        )
    identifier = draw(st.integers(1, 9_999_999).map(str))
    return (keys.order if kind == "order" else keys.invoice)(identifier), keys.Key(kind, identifier)


@given(numbers())
def test_every_number_is_read_back_and_fits_1c(made):
    number, key = made
    assert len(number) <= keys.LIMIT
    assert keys.decode(number) == key


@given(numbers(), numbers())
def test_two_things_never_share_a_number(one, other):
    assert (one[0] == other[0]) == (one[1] == other[1])


@given(st.text(max_size=12))
def test_any_text_is_read_or_left_alone(text):
    key = keys.decode(text)
    if key and key.kind == "order":
        assert keys.order(key.id) == text.strip()
