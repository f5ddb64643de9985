"""Reads a log directory that maggy wrote with the real TensorBoard (pip install tensorboard) and prints what it found.

python check_tensorboard.py DIR   (a directory made by `maggy run ... --tensorboard`, or one that holds trial.tfevents)
"""
import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

for path in sorted(pathlib.Path(sys.argv[1]).rglob("*tfevents*")):
    events = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
    found = {"file": str(path), "scalars": {}, "hparams": {}}
    for tag in events.Tags()["scalars"]:
        found["scalars"][tag] = [(event.step, round(event.value, 6)) for event in events.Scalars(tag)]
    for tag, content in events.summary_metadata.items():
        if content.plugin_data.plugin_name != metadata.PLUGIN_NAME:
            continue
        data = content.plugin_data.content
        if tag == metadata.EXPERIMENT_TAG:
            parsed = metadata.parse_experiment_plugin_data(data)
            found["hparams"]["experiment"] = [info.name for info in parsed.hparam_infos]
        elif tag == metadata.SESSION_START_INFO_TAG:
            parsed = metadata.parse_session_start_info_plugin_data(data)
            found["hparams"]["start"] = {
                name: getattr(value, value.WhichOneof("kind")) for name, value in sorted(parsed.hparams.items())
            }
        elif tag == metadata.SESSION_END_INFO_TAG:
            found["hparams"]["end"] = metadata.parse_session_end_info_plugin_data(data).status
    print(json.dumps(found))
