import re

from kernelgym.serving.http.page.shell import render


def test_every_look_has_a_nonce_of_its_own_and_only_that_lets_style_and_script_through() -> None:
    (page, headers), (other, _) = render(), render()
    policy = headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert set(re.findall(r'nonce="([^"]+)"', page)) == {nonce[1]}
    assert nonce[1] not in other
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_the_page_names_no_address_of_another_server() -> None:
    page, _ = render()
    assert re.findall(r"https?://", page) == []
    assert "innerHTML" not in page
