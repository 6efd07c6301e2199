import pytest
import torch

from landscape._threads import on_one_thread
from landscape.topography import fixed_points


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_a_search_takes_one_thread_and_gives_the_others_back_even_when_it_fails():
    seen = []

    def drift(x):
        seen.append(torch.get_num_threads())
        return -x

    fixed_points(drift, [[1.0], [2.0]])
    assert set(seen) == {1}
    assert torch.get_num_threads() == 2
    with pytest.raises(ValueError, match="finite `starts`"):
        fixed_points(drift, [[float("nan")]])
    assert torch.get_num_threads() == 2


def test_the_wrapped_function_keeps_its_name_and_answer():
    assert on_one_thread(max)(1, 2) == 2
    assert fixed_points.__name__ == "fixed_points"
