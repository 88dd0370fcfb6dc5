"""The Storage card of System: where the pictures lie, what takes how much, and what gives the disk back."""

from collections.abc import Sequence

import streamlit as st

from fibo_core.store.backup import Backup
from fibo_core.store.storage import DiskUsage, Share
from fibo_core.work.care import Purge
from fibo_core.work.runtime import Runtime
from studio.ui.session import errors_shown
from studio.ui.words import moment, plain, size

SHARES_SHOWN = 24  #: months, and models


def storage_card(runtime: Runtime) -> None:
    with st.container(border=True, key="storage_card"):
        st.subheader("Storage", anchor=False)
        storage_trouble(runtime)
        with errors_shown():
            usage = runtime.tools.history.disk_usage()
            st.markdown(f"`{runtime.settings.workspace_dir}`")
            if usage.total_bytes:
                st.progress(min(1.0, max(0.0, 1 - usage.free_bytes / usage.total_bytes)))
            st.caption(
                f"{_pictures(usage.pictures)}, {size(usage.bytes - usage.trash_bytes)} · "
                f"{size(usage.free_bytes)} free of {size(usage.total_bytes)}"
            )
            _trash(runtime, usage)
            if usage.by_month:
                with st.expander("What takes the room", type="compact"):
                    _shares("Model", usage.by_model)
                    _shares("Month", usage.by_month)
            _backups(runtime, runtime.database.backups())


def storage_trouble(runtime: Runtime) -> None:
    """Says why nothing can be stored, where that is so."""
    with errors_shown():
        if trouble := runtime.tools.history.trouble():
            st.warning(plain(trouble), icon=":material/hard_drive:")


def _trash(runtime: Runtime, usage: DiskUsage) -> None:
    purge = runtime.care.purging
    if purge.running:
        _follow(runtime)
        return
    if purge.error:
        st.error(plain(purge.error), icon=":material/error:")
    elif purge.purged:
        st.caption(f":material/check: {_pictures(purge.purged)} purged, {size(purge.freed_bytes)} freed")
    if not usage.deleted:
        if not runtime.tools.history.trash.is_unfinished():
            st.caption("The trash is empty.")
        elif st.button("Finish the purge that was cut short", key="storage_finish", icon=":material/delete_forever:"):
            with errors_shown():
                runtime.care.purge(wait_s=1.0)
                st.rerun()
        return
    days = runtime.settings.trash_days
    by_itself = f"; each goes by itself {days} days after it was deleted" if days else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"In the trash: {_pictures(usage.deleted)}, {size(usage.trash_bytes)}{by_itself}.", width="stretch")
        with st.popover("Empty the trash", icon=":material/delete_forever:"):
            _empty(runtime, usage)


def _empty(runtime: Runtime, usage: DiskUsage) -> None:
    """Asks before anything goes for good."""
    st.markdown(
        f"{_pictures(usage.deleted)} and {'its recipe' if usage.deleted == 1 else 'their recipes'} leave the disk, "
        f"which gives {size(usage.trash_bytes)} back. **That cannot be undone.** What was made from them stays."
    )
    if st.button("Purge for good", key="storage_empty", type="primary", icon=":material/delete_forever:"):
        with errors_shown():
            runtime.care.purge(wait_s=1.0)
            st.rerun()


@st.fragment(run_every=1.0)
def _follow(runtime: Runtime) -> None:
    purge: Purge = runtime.care.purging
    if not purge.running:
        st.rerun()
    done = purge.purged / purge.total if purge.total else 0.0
    st.progress(min(1.0, done), f"Emptying the trash: {purge.purged:,} of {purge.total:,}")


def _shares(title: str, shares: Sequence[Share]) -> None:
    lines = [f"| {title} | Pictures | Size |", "|---|--:|--:|"]
    lines += [f"| {plain(it.name) or 'unknown'} | {it.pictures:,} | {size(it.bytes)} |" for it in shares[:SHARES_SHOWN]]
    if more := shares[SHARES_SHOWN:]:
        count, taken = sum(it.pictures for it in more), sum(it.bytes for it in more)
        lines.append(f"| {len(more):,} more | {count:,} | {size(taken)} |")
    st.markdown("\n".join(lines))


def _backups(runtime: Runtime, backups: Sequence[Backup]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if backups:
            copies = "1 copy" if len(backups) == 1 else f"{len(backups)} copies"
            taken = size(sum(it.bytes for it in backups))
            said = f"The database was copied {moment(backups[0].made_at)}; {copies}, {taken}, in `backups/`."
        else:
            said = "The database has not been copied yet; once a day a running studio does."
        st.caption(said, width="stretch")
        if st.button("Copy it now", key="storage_backup", type="tertiary", icon=":material/content_copy:"):
            with errors_shown(), st.spinner("Copying"):
                runtime.database.backup()
                st.rerun()


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"
