"""
Executes a notebook in a kernel with nbclient, and prints a line of JSON for each code cell: what it came to, and its outputs as a front
end keeps them. The last line but one has what came after the last cell, and the last says which processes the kernel has left behind.

A cell with `interruptWhen` in its metadata is interrupted once a display that changes says that.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import queue
import sys
import time
import uuid

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat.v4 import output_from_msg

LONGEST_S = 240
# tslab refuses for 200 ms whatever comes after a cell that failed.
AFTER_ERROR_S = 0.3
LATE_S = 0.25
# Nothing comes after the last cell that would bring what it said late.
LAST_S = 3
# A process that the kernel has started may take so long to end after it.
GONE_S = 10
MARK = "MAGGY_NOTEBOOK_RUN"


class Client(NotebookClient):
    async def _async_poll_output_msg(self, parent_msg_id, cell, cell_index):
        """As nbclient's, which forgets what a kernel sends meanwhile of what an earlier cell has printed."""
        while True:
            msg = await self.kc.iopub_channel.get_msg(timeout=None)
            if msg["parent_header"].get("msg_id") != parent_msg_id:
                if msg["msg_type"] == "stream":
                    self.strays.append(output_from_msg(msg))
                continue
            try:
                self.process_message(msg, cell, cell_index)
            except CellExecutionComplete:
                return

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "update_display_data":
            self.updates += 1
            wanted = cell.metadata.get("interruptWhen")
            said = msg["content"]["data"].get("text/plain", "")
            if wanted is not None and wanted in said and self.interrupted_at is None:
                self.interrupted_at = time.monotonic()
                asyncio.ensure_future(self.km.interrupt_kernel())
        return super().process_message(msg, cell, cell_index)


async def run(client, mark):
    # In the environment of the kernel and of all that it starts, and not of this process.
    async with client.async_setup_kernel(cleanup_kc=True, env={**os.environ, MARK: mark}):
        for index, cell in enumerate(client.nb.cells):
            if cell.cell_type != "code":
                continue
            client.updates, client.interrupted_at, client.strays, began = 0, None, [], time.monotonic()
            await client.async_execute_cell(cell, index)
            now = time.monotonic()
            if not cell.outputs:
                cell.outputs = await sent_late(client)
            line = {"status": client.reply["status"], "updates": client.updates, "outputs": client.strays + cell.outputs}
            line["tookS"] = round(now - began, 1)
            if client.interrupted_at is not None:
                line["stoppedAfterS"] = round(now - client.interrupted_at, 2)
            print(json.dumps(line), flush=True)
            if line["status"] != "ok":
                await asyncio.sleep(AFTER_ERROR_S)
        print(json.dumps({"status": "ok", "updates": 0, "outputs": await sent_late(client, LAST_S)}), flush=True)


async def sent_late(client, quiet_s=LATE_S):
    """What a kernel sends after it has said that the cell is over, as Deno's does now and then with what a cell comes to."""
    found = []
    with contextlib.suppress(queue.Empty):
        while True:
            message = await client.kc.get_iopub_msg(timeout=quiet_s)
            if message["msg_type"] in ("stream", "display_data", "execute_result"):
                found.append(output_from_msg(message))
    return found


def left_behind(mark):
    """The commands of all processes that have the mark in their environment."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if entry.name != str(os.getpid()) and mark in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has ended, or is another user's
            continue
    return found


def main():
    kernel, kernels, path, folder = sys.argv[1:5]
    mark = uuid.uuid4().hex
    manager = AsyncKernelManager(kernel_name=kernel, kernel_spec_manager=KernelSpecManager(kernel_dirs=[kernels]))
    client = Client(
        nbformat.read(path, as_version=4),
        km=manager,
        timeout=LONGEST_S,
        iopub_timeout=LONGEST_S,
        raise_on_iopub_timeout=True,
        allow_errors=True,
        resources={"metadata": {"path": folder}},
        on_cell_executed=lambda execute_reply, **_: setattr(client, "reply", execute_reply["content"]),
    )
    asyncio.run(run(client, mark))
    deadline = time.monotonic() + GONE_S
    while (left := left_behind(mark.encode())) and time.monotonic() < deadline:
        time.sleep(0.2)
    print(json.dumps({"left": left}), flush=True)


main()
