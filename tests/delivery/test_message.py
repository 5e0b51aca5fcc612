import json

from hypothesis import given
from hypothesis import strategies as st

from delivery.message import Message

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(event=st.text(min_size=1), args=st.lists(JSON_VALUES))
def test_text_is_the_json_of_event_and_arguments(event: str, args: list[object]) -> None:
    message = Message.build("1", event, args, False, ["user_1"])
    assert json.loads(message.text) == [event, *args]
    assert json.loads(message.text.encode()[1 : 1 + message.event_length()]) == event
    assert "\0" not in message.text
