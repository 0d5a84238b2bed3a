"""What the model reads is made from the request; every word of it knows which stretch it stands for."""

from hypothesis import given
from hypothesis import strategies as st

from intents.mapped_text import MappedText
from intents.masking import mask


def stretch(text: MappedText, request: str, word: str) -> str:
    start = text.text.index(word)
    one, other = text.origin(start, start + len(word))
    return request[one:other]


def test_a_stand_in_stands_for_all_that_it_replaced() -> None:
    request = "copy /srv/a b.txt to '/home/ann/x y'"
    masked = mask(MappedText.of(request))
    assert masked.text == "copy /var/log /var/log to some text"
    first, second = [span for span in masked.words() if masked.text[slice(*span)] == "/var/log"]
    assert [request[slice(*masked.origin(*span))] for span in (first, second)] == ["/srv/a", "b.txt"]
    assert stretch(masked, request, "some") == "'/home/ann/x y'"
    assert stretch(masked, request, "text") == "'/home/ann/x y'"


def test_what_is_cut_out_leaves_one_blank_and_the_others_keep_their_places() -> None:
    request = "restart nginx on web1 and web2 now"
    cut = MappedText.of(request).without([(14, 30)])
    assert cut.text == "restart nginx now"
    assert stretch(cut, request, "now") == "now"


def test_replacing_and_cutting_go_together() -> None:
    request = "restart it on web1 please"
    text = MappedText.of(request).without([(11, 18)]).replaced(8, 10, "nginx")
    assert text.text == "restart nginx please"
    assert stretch(text, request, "nginx") == "it"
    assert stretch(text, request, "please") == "please"


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_every_character_has_an_origin_inside_the_request(request: str) -> None:
    masked = mask(MappedText.of(request))
    assert len(masked.origins) == len(masked.text)
    assert all(0 <= start < end <= len(request) for start, end in masked.origins)
    assert [masked.text[slice(*span)] for span in masked.words()] == masked.text.split()
