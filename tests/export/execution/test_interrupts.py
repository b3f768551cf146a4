from __future__ import annotations

import os
import signal

import pytest

from export.execution.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_keyboard_interrupt_and_the_old_handler_comes_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), Interrupts():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_a_swallowed_interrupt_is_raised_again_at_the_next_check() -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except BaseException:
            converted = RuntimeError("as a converter in C++ might report it")
        assert str(converted)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_a_second_signal_does_not_disturb_the_clean_up() -> None:
    cleaned = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt), Interrupts():
        work()
    assert cleaned == [True]
