"""The steps that are logged are the optimizer's, however batches become updates."""

import pytest

from xorlab.steps.schedule import Schedule


class Training:
    """An optimizer that makes an update of every `batches` batches."""

    def __init__(self, iterations=0, batches=1):
        self.made = iterations * batches
        self.batches = batches

    def iterations(self):
        return self.made // self.batches


def logged(schedule, training, executions, epochs=()):
    """Makes executions of so many batches; returns the steps that are logged."""
    steps = []
    for number, execution in enumerate(executions):
        if number in dict(epochs):
            schedule.begin_epoch(dict(epochs)[number])
        is_due = schedule.begin(execution)
        before = training.iterations()
        training.made += execution
        updates = training.iterations() - before
        if is_due and updates and schedule.end(training.iterations() - 1):
            steps.append(training.iterations() - 1)
    return steps


@pytest.mark.parametrize("start", [0, 1, 5, 6])
def test_multiples_are_logged_from_wherever_training_is(start):
    training = Training(start)
    schedule = Schedule(3, training.iterations, may_skip=False)
    steps = logged(schedule, training, [1] * 20)
    assert steps == [step for step in range(start, start + 20) if step % 3 == 0]


def test_of_an_execution_of_several_steps_the_last_is_logged():
    training = Training()
    schedule = Schedule(8, training.iterations, may_skip=False)
    # Steps 0-6, 7-9, 10-16, 17-19: 0, 8 and 16 are waited for.
    assert logged(schedule, training, [7, 3, 7, 3]) == [6, 9, 16]


@pytest.mark.parametrize("may_skip", [False, True])
def test_batches_that_are_no_update_are_not_counted(may_skip):
    training = Training(batches=2)
    schedule = Schedule(4, training.iterations, may_skip)
    assert logged(schedule, training, [1] * 40) == [0, 4, 8, 12, 16]


def test_without_a_number_the_first_update_of_an_epoch_is_logged():
    training = Training(batches=2)
    schedule = Schedule(None, training.iterations, may_skip=True)
    epochs = {0: True, 6: False, 12: True}
    assert logged(schedule, training, [1] * 18, epochs) == [0, 6]
    assert not schedule.due
