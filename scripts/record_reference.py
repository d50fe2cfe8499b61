"""Records the lecture's two deep networks in `logs/reference` again, and draws them.

    python scripts/record_reference.py

Whoever clones the repository has them to look at: `tensorboard --logdir logs`.
"""

import os

from benchmarks.timing import ROOT

from xorlab import pictures, settings, startup, train
from xorlab.train import Config

# Of names that no run has by default, and in a folder of their own.
RUNS = {
    activation: Config(
        activation=activation,
        logdir="logs/reference",
        steps=20_000,  # A tenth of the lecture's; nothing happens later.
        run_name=f"deep-{activation}",
        overwrite=True,
    )
    for activation in ("sigmoid", "relu")
}


def main(argv: list[str]) -> int:
    """Records both; returns the exit code."""
    try:
        settings.check_no_words(argv)
        os.chdir(ROOT)  # So that their settings name no folder of this machine.
        panels = {}
        for activation, config in RUNS.items():
            result = train.run(config, progress=True)
            rms = result["gradient_rms"]
            title = f"{activation}: cost {result['cost']:.2g} after 20,000 steps"
            panels[title] = {0: rms["start"], config.steps: rms["end"]}
            [events] = config.run_dir.glob("events.out.tfevents.*")
            # Or its name would tell the machine.
            events.rename(config.run_dir / "events.out.tfevents.0.reference")
        picture = pictures.gradients_by_layer(panels)
        pictures.save(picture, ROOT / "logs" / "pictures" / "gradients.png")
    except (ValueError, OSError) as error:
        return startup.refuse(error)
    print(startup.closing("Runs", "logs/reference", "logs"))
    return 0


if __name__ == "__main__":
    startup.run_command(main)
