"""What a forward computes out of Python's numbers alone is known while tracing; everything else is not."""

import pytest

from tests.tracer import Tracer, calls, forward, launches


@pytest.mark.parametrize(
    "expression",
    [
        "torch.tensor(4).item()",
        "int(torch.prod(torch.tensor(x.shape[:1])))",
        "torch.tensor(x.shape).min().item()",
        "torch.tensor([1, 4, 9], device='cuda')[1].item()",
        "torch.arange(8, device=x.device).tolist()[4]",
        "torch.linspace(0, 8, 3)[1].item()",
        "torch.tensor(16.0).sqrt().item()",
        "torch.full((2, 2), 1).sum().item()",
        "(4 if torch.tensor([0, 1]).any() else 5)",
        "(4 if torch.equal(torch.tensor([3]), torch.ones(1) * 3) else 5)",
        "torch.stack([torch.tensor(1), torch.tensor(4)]).max().item()",
    ],
)
def test_what_is_made_of_numbers_can_be_read(tracer: Tracer, expression: str) -> None:
    (launch,) = launches(tracer.trace(forward(f"return scale(x, float({expression}))")))
    assert launch.variants[0].args[-1] == 4.0


@pytest.mark.parametrize(
    "statements",
    [
        ("y = torch.zeros(4, device='cuda')", "y[0] = x[0, 0]", "known = y"),
        ("known = torch.ones(4, device='cuda')", "known[1:].add_(1)"),
        ("known = torch.ones(256, device='cuda')", "scale_kernel[(1,)](x, known, 4, 2.0, BLOCK=256)"),
        ("known = torch.tensor([1.0], device='cuda') * x[0, 0]",),
        ("known = torch.empty(4, device='cuda')",),
        ("known = torch.rand(4, device='cuda')",),
        ("known = torch.zeros(70, 70, device='cuda')",),
    ],
)
def test_what_may_hold_data_is_not_known(tracer: Tracer, statements: tuple[str, ...]) -> None:
    read = "return scale(x, 2.0) if known.flatten()[0] > 0 else x"
    assert tracer.failure(forward(*statements, read)).outcome == "untraceable"


def test_what_is_known_is_recorded_all_the_same(tracer: Tracer) -> None:
    trace = tracer.trace(forward("n = torch.tensor([2.0, 3.0], device=x.device)", "return scale(x) * n.prod()"))
    assert "prod" in calls(trace)


def test_what_is_made_of_a_number_that_was_read_back_is_not_known(tracer: Tracer) -> None:
    source = forward("n = x.sum().item()", "return scale(x, torch.full((1,), n).item())")
    (launch,) = launches(tracer.trace(source))
    assert not isinstance(launch.variants[0].args[-1], float)
    for made in ("tensor([n, 1.0]).max()", "zeros(2).fill_(n).max() if torch.zeros(1).fill_(n) > 0 else n"):
        assert tracer.failure(source.replace("full((1,), n)", made)).outcome == "untraceable"
