"""The file of cores: what is in it, what is refused, and that no secret of it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.jobs import open_store
from gateway.cores import cores
from gateway.settings import load_gateway_settings
from runtime.errors import ConfigurationError
from runtime.settings import Settings
from tests.cli.store import Installation

SECRET = "hush-hush"


def written(folder: Path, text: str) -> Path:
    file = folder / "cores.toml"
    file.write_text(text, encoding="utf-8")
    return file


def core(chain: int, url: str = "", **more: object) -> str:
    values = {"chain_id": chain, "url": url or f"http://core-{chain}:3050", **more}
    return "[[core]]\n" + "".join(
        f"{name} = {str(value)!r}\n" if isinstance(value, str | Path) else f"{name} = {value}\n"
        for name, value in values.items()
    )


def test_without_a_file_the_settings_name_the_core() -> None:
    settings = Settings.of(core_url="https://core", chain_id=7, token=SECRET)
    [only] = cores(settings, load_gateway_settings())
    assert (only.chain_id, only.url, only.token, only.max_batches) == (7, "https://core", settings.token, None)


def test_a_file_names_each_core_with_what_belongs_to_it(tmp_path: Path) -> None:
    from tests.gateway.test_tls import Authority

    authority = Authority(tmp_path, "authority")
    authority.certificate("gateway")
    files = {"tls_authority": "authority.pem", "tls_certificate": "gateway.pem", "tls_key": "gateway.key"}
    text = core(1, token=SECRET, max_batches=3) + core(2, "https://two", **files)
    first, second = cores(Settings.of(), load_gateway_settings(gateway_cores=written(tmp_path, text)))
    assert (first.chain_id, first.token.get_secret_value(), first.max_batches) == (1, SECRET, 3)
    assert (second.url, second.tls_key) == ("https://two", tmp_path / "gateway.key"), "found beside the file"
    assert SECRET not in repr(first)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (core(5) + core(6) + core(5, "http://b"), "http://core-5:3050 and http://b both claim chain 5"),
        (core(5, "http://a/") + core(6, "http://a"), "http://a is named for the chains 5 and 6"),
        (core(1, token=f"{SECRET} two"), "core 1: token: a header carries it"),
        (core(1, "ftp://u:hush-hush@a") + core(0), "core 1: url: expected a URL such as http"),
        (core(1) + core(0, tokens=SECRET), "core 2: tokens: Extra inputs"),
        (core(1, tls_key="key.pem"), "core 1: tls_certificate and tls_key are set together"),
        (core(1, tls_authority="absent.pem"), "absent.pem holds no certificate"),
        (core(1, max_batches=0), "core 1: max_batches: Input should be greater than or equal to 1"),
        ("[[core]]\nchain_id = '1'\nurl = 'http://a'\n", "core 1: chain_id: Input should be a valid integer"),
        (core(1) * 257, "holds 1 to 256 tables"),
        ("", "holds 1 to 256 tables"),
        ("core = [1]", "core 1: "),
        (core(1) + "[more]\n", "and nothing else"),
        (f"[[core]]\ntoken = {SECRET}\n", "is no TOML"),
        ("#" * (2 << 20), "more than 1048576 bytes"),
    ],
)
def test_what_is_wrong_with_a_file_is_named_without_its_secrets(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        cores(Settings.of(), load_gateway_settings(gateway_cores=written(tmp_path, text)))
    line = raised.value.line()
    assert said in line and SECRET not in line and "\n" not in line


def test_a_file_that_is_absent_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        cores(Settings.of(), load_gateway_settings(gateway_cores=tmp_path / "absent"))
    (tmp_path / "cores.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        cores(Settings.of(), load_gateway_settings(gateway_cores=tmp_path / "cores.toml"))


def test_the_check_of_the_configuration_reads_the_file_and_prints_no_secret(tmp_path: Path) -> None:
    installation = Installation(tmp_path, open_store(Settings.of(state_dir=tmp_path)), "")
    good = written(tmp_path, core(1, token=SECRET) + core(2))
    done = installation.run("config", "check", HALLMARK_GATEWAY_CORES=str(good))
    assert done.exit_code == 0 and str(good) in done.output.replace("\n", "") and SECRET not in done.output
    good.write_text(core(1, token=SECRET) + core(1, "http://b"))
    done = installation.run("config", "check", HALLMARK_GATEWAY_CORES=str(good))
    assert "both claim chain 1" in str(done.exception) and SECRET not in str(done.exception) + done.output
