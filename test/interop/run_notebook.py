"""Runs a notebook in a kernel with jupyter_client, and prints a line of JSON for each code cell: what it came to and what it showed."""

import json
import os
import sys
import time

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

LONGEST_S = 240


def run(client, manager, code, interrupt_at):
    """`interrupt_at`: interrupts the cell once so many displays were shown."""
    sent = client.execute(code)
    shown, updates, text, svg, html = [], 0, "", False, False
    interrupted_at = None
    deadline = time.monotonic() + LONGEST_S
    while True:
        if time.monotonic() > deadline:
            return {"status": "timeout", "text": text}
        try:
            message = client.get_iopub_msg(timeout=1)
        except Exception:  # nothing came within the second
            if not manager.is_alive():
                return {"status": "dead", "text": text}
            continue
        if message["parent_header"].get("msg_id") != sent:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            text += content["text"]
        elif kind == "error":
            text += content["ename"] + ": " + content["evalue"]
        elif kind in ("display_data", "update_display_data", "execute_result"):
            shown.append(content.get("transient", {}).get("display_id"))
            updates += kind == "update_display_data"
            svg = svg or "<svg" in content["data"].get("image/svg+xml", "")
            html = html or "<svg" in content["data"].get("text/html", "")
        elif kind == "status" and content["execution_state"] == "idle":
            break
        if interrupt_at is not None and interrupted_at is None and updates >= interrupt_at:
            manager.interrupt_kernel()
            interrupted_at = time.monotonic()
    outcome = {"text": text, "displays": len(set(shown)), "updates": updates, "svg": svg, "html": html}
    if interrupted_at is not None:
        outcome["stoppedAfterS"] = time.monotonic() - interrupted_at
    while True:
        reply = client.get_shell_msg(timeout=30)
        if reply["parent_header"].get("msg_id") == sent:
            return {"status": reply["content"]["status"], **outcome}


def main():
    kernel, kernels, path, folder = sys.argv[1:5]
    with open(path, encoding="utf8") as file:
        cells = [cell for cell in json.load(file)["cells"] if cell["cell_type"] == "code"]
    manager = KernelManager(kernel_name=kernel, kernel_spec_manager=KernelSpecManager(kernel_dirs=[kernels]))
    manager.start_kernel(cwd=folder, env=dict(os.environ))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        for cell in cells:
            interrupt_at = cell["metadata"].get("interruptAfterUpdates")
            print(json.dumps(run(client, manager, "".join(cell["source"]), interrupt_at)), flush=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)


main()
