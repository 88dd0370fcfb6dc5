"""fibo-studio, the command line: each command is a few lines over the library, or lets a studio that runs do the work.

stdout holds the result and nothing else; progress, notes and the one sentence of an error go to stderr. Exit 0 done,
1 failed, 2 misused, 130 ended by Ctrl+C.
"""

import io
import logging
import os
import sys
from dataclasses import asdict, replace
from typing import Annotated

import typer
from typer.exceptions import TyperException

import fibo_core
from fibo_core.errors import Cancelled, FiboError, InputError
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.settings import Settings
from studio.cli import adapters, history, models, there
from studio.cli.door import Asked, door_of, only_here
from studio.cli.inputs import (
    Source,
    is_id,
    prompt_in,
    read_bytes,
    read_picture,
    read_prompt,
    read_source,
    read_words,
    split_pictures,
)
from studio.cli.output import PaintingProgress, StatusLine, complain, print_json, print_text
from studio.cli.painting import (
    Adapters,
    Aspect,
    Collection,
    Confirmed,
    Count,
    Guidance,
    Json,
    Model,
    Negative,
    Options,
    Out,
    Seed,
    Sheet,
    Steps,
    Together,
    Vary,
    VaryEdit,
    Writer,
)
from studio.cli.setup import begin, ended_by_ctrl_c, open_tools
from studio.remedies import with_command

log = logging.getLogger(__name__)

PROGRAM = "fibo-studio"

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(history.app, name="history", help="The pictures made here.")
app.add_typer(models.app, name="models", help="The models that paint.")
app.add_typer(adapters.app, name="adapters", help="The LoRAs that they paint with.")


@app.callback(invoke_without_command=True)
def about(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Let the studio at this address do the work.", show_default=False)
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Its password or STUDIO_API_KEY; without it, what STUDIO_API_KEY or STUDIO_PASSWORD hold.",
            show_default=False,
        ),
    ] = None,
    here: Annotated[
        bool, typer.Option("--here", help="Work in this process, also where a studio runs on the workspace.")
    ] = False,
) -> None:
    """FIBO Studio: from a few words to a structured JSON prompt to a stored, repeatable picture."""
    if server is not None and here:
        raise InputError("--server and --here are both given. Leave out one of them.")
    context.obj = Asked(server, key, here)
    if version:
        print_text(fibo_core.__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)


@app.command()
def serve(context: typer.Context) -> None:
    """Serve the studio to a browser on this machine (STUDIO_HOST, STUDIO_PORT)."""
    only_here(context)
    from fibo_core.settings import CHECKOUT
    from studio.pod.doctor import address, port_trouble
    from studio.web.connections import use_prompt_heads
    from studio.web.serving import end_setup_page, pod_addresses, ssh_tunnel, streamlit_flags

    settings = begin()
    host, port = settings.studio_host, settings.studio_port
    if not (CHECKOUT / "pages").is_dir():
        raise FiboError(f"The pages are not in {CHECKOUT}: serve runs from a checkout. Use its scripts/studio.sh.")
    end_setup_page(host, port)
    if trouble := port_trouble(host, port):
        raise FiboError(f"{trouble}. End the program that has it, or set STUDIO_PORT to another one.")
    print(f"FIBO Studio: open {address(host, port)} (Ctrl+C ends it)", file=sys.stderr, flush=True)
    for where in pod_addresses(settings):
        warning = "" if where.startswith("https") else "  (plain HTTP: the password can be read on the way)"
        print(f"FIBO Studio on this pod: {where}{warning}", file=sys.stderr, flush=True)
    if tunnel := ssh_tunnel(settings):
        print(
            f"FIBO Studio without the proxy: {tunnel}  (then open http://127.0.0.1:{port})", file=sys.stderr, flush=True
        )
    os.chdir(CHECKOUT)
    use_prompt_heads()
    from streamlit.web.cli import main as streamlit

    sys.argv = ["streamlit", "run", "studio/web/server.py", *streamlit_flags(settings)]
    streamlit()


@app.command()
def generate(
    context: typer.Context,
    words: Annotated[str | None, typer.Argument(metavar="WORDS", help="What to show; - reads stdin.")] = None,
    from_json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Paint this structured prompt as it is; - reads stdin.")
    ] = None,
    seed: Seed = None, count: Count = 1, aspect: Aspect = None, steps: Steps = None, guidance: Guidance = None,
    negative: Negative = "", model: Model = None, writer: Writer = "auto", vary: Vary = None, yes: Confirmed = False,
    sheet: Sheet = None, collection: Collection = None, adapter: Adapters = None, together: Together = False,
    out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Paint what some words, or a structured prompt, say. Words that are JSON are a structured prompt."""
    from fibo_core.prompts.mend import holds_caption
    from fibo_core.writers import WrittenPrompt

    if (words is None) == (from_json is None):
        raise InputError('Give words, such as "a red ball", or --from-json FILE: one of the two.')
    written = None if from_json is None else WrittenPrompt(read_prompt(from_json))
    words = "" if words is None else read_words(words)
    if holds_caption(words):
        written, words = WrittenPrompt(prompt_in(words)), ""
    options = Options(
        seed=seed, count=count, aspect=aspect, steps=steps, guidance=guidance, negative=negative, model=model,
        writer=writer, vary=vary or [], confirmed=yes, sheet=sheet, out=out, as_json=as_json, collection=collection,
        adapter=adapter, together=together,
    )  # fmt: skip
    order = options.order(kind="generate", words=words, written=written)
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        there.generate(options, door, order)
        return
    with open_tools(settings) as tools:
        options.paint(settings, tools, order)


@app.command()
def refine(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="ID|FILE", help="A picture's id, a PNG or JSON of the studio's, or a prompt.")
    ],
    instruction: Annotated[str, typer.Argument(help='What to change: "make the ball green".')],
    seed: Seed = None, count: Count = 1, aspect: Aspect = None, steps: Steps = None, guidance: Guidance = None,
    negative: Negative = "", model: Model = None, writer: Writer = "auto", vary: Vary = None, yes: Confirmed = False,
    sheet: Sheet = None, collection: Collection = None, adapter: Adapters = None, together: Together = False,
    out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Paint a new picture from a changed prompt, with the source's seed and settings unless others are given."""
    options = Options(
        seed=seed, count=count, aspect=aspect, steps=steps, guidance=guidance, negative=negative, model=model,
        writer=writer, vary=vary or [], confirmed=yes, sheet=sheet, out=out, as_json=as_json, collection=collection,
        adapter=adapter, together=together,
    )  # fmt: skip
    words = read_words(instruction)
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        there.refine(options, door, read_source(source, door), words)
        return
    with open_tools(settings) as tools:
        origin: Source = read_source(source, tools.history)
        order = options.order(kind="refine", words=words, source=origin.prompt, source_id=origin.id)
        if origin.request is not None:
            order = order.painted_like(origin.request, options.spec(settings))
        options.paint(settings, tools, order)


@app.command()
def inspire(
    context: typer.Context,
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE [PICTURE…] [HINT]",
            help="Pictures' files or ids, up to four, the main one first; and where to bend what is seen.",
        ),
    ],
    hint: Annotated[str | None, typer.Option("--hint", help="The hint, also given last.", show_default=False)] = None,
    seed: Seed = None, count: Count = 1, aspect: Aspect = None, steps: Steps = None, guidance: Guidance = None,
    negative: Negative = "", model: Model = None, writer: Writer = "auto", vary: Vary = None, yes: Confirmed = False,
    sheet: Sheet = None, collection: Collection = None, adapter: Adapters = None, together: Together = False,
    out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Paint from a prompt that describes a picture, or what several have in common."""
    from fibo_core.store.inputs import Inputs

    options = Options(
        seed=seed, count=count, aspect=aspect, steps=steps, guidance=guidance, negative=negative, model=model,
        writer=writer, vary=vary or [], confirmed=yes, sheet=sheet, out=out, as_json=as_json, collection=collection,
        adapter=adapter, together=together,
    )  # fmt: skip
    names, words = split_pictures(given, hint)
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        there.inspire(options, door, names, words)
        return
    with open_tools(settings) as tools:
        pictures = [read_picture(name, tools.history) for name in names]
        if len(pictures) > 1:  # those beside the main one must stay, and a file given twice is told by its content
            inputs = Inputs(settings.workspace_dir)
            pictures = [(file if id else inputs.path(inputs.keep(file)), id) for file, id in pictures]
        files, source_id = tuple(str(file) for file, _ in pictures), pictures[0][1]
        order = options.order(kind="inspire", words=words, pictures=files, source_id=source_id)
        options.paint(settings, tools, order)


@app.command()
def edit(
    context: typer.Context,
    picture: Annotated[str, typer.Argument(metavar="ID", help="A stored picture's id.")],
    instruction: Annotated[
        str | None, typer.Argument(help='What to change: "make the box purple".', show_default=False)
    ] = None,
    from_json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Paint this structured prompt in its place; - reads stdin.")
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="White where it is painted anew, black where every pixel stays."),
    ] = None,
    mask_of: Annotated[
        str | None,
        typer.Option(metavar="PATH|edit", help="Make the mask: of objects[1], or of what the edit itself changes."),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(help="Above 0 (nearly all stays) to 1 (nothing does): 0.5 restyles, 0.8 recolors, 0.95 redraws."),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE|ID", help="A picture that the model looks at beside it; up to four times."),
    ] = None,
    way: Annotated[
        str | None, typer.Option(help="vary, paste, hold or own.", show_default="the studio chooses")
    ] = None,
    feather: Annotated[
        int | None, typer.Option(help="Pixels of the mask's edge that blend, inwards.", show_default="4")
    ] = None,
    seed: Seed = None, count: Count = 1, steps: Steps = None, guidance: Guidance = None,
    negative: Negative = "", model: Model = None, writer: Writer = "auto", vary: VaryEdit = None,
    yes: Confirmed = False, sheet: Sheet = None, collection: Collection = None, adapter: Adapters = None,
    out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Paint a part of a stored picture anew, with its own seed and settings unless others are given."""
    from fibo_core.engine.edits import known_way
    from fibo_core.store.inputs import Inputs
    from fibo_core.work.editing import ready
    from fibo_core.writers import WrittenPrompt

    if not is_id(picture):
        raise InputError(f"{picture!r:.80} is no picture's id. `history list` has them; `history import` takes files.")
    options = Options(
        seed=seed, count=count, aspect=None, steps=steps, guidance=guidance, negative=negative, model=model,
        writer=writer, vary=vary or [], confirmed=yes, sheet=sheet, out=out, as_json=as_json, collection=collection,
        adapter=adapter,
    )  # fmt: skip
    order = options.order(
        kind="edit", words=read_words(instruction or ""), source_id=picture, mask_of=mask_of, strength=strength,
        written=None if from_json is None else WrittenPrompt(read_prompt(from_json)), way=known_way(way),
        feather=feather,
    )  # fmt: skip
    settings, references = begin(), reference or []
    if (door := door_of(context, settings)) is not None:
        there.edit(options, door, order, mask, references)
        return
    with open_tools(settings) as tools:
        inputs = Inputs(settings.workspace_dir)
        order = replace(
            order,
            mask=None if mask is None else inputs.keep(read_bytes(mask)),
            references=tuple(inputs.keep(read_picture(name, tools.history)[0]) for name in references),
        )
        options.paint(settings, tools, ready(order, tools))


@app.command()
def prompt(
    context: typer.Context,
    words: Annotated[str | None, typer.Argument(metavar="WORDS", help="What to show; - reads stdin.")] = None,
    canonical: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Print the exact text the model is given for this JSON; - reads stdin."),
    ] = None,
    writer: Writer = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON on one line.")] = False,
) -> None:
    """Write a structured prompt, and paint nothing."""
    if (words is None) == (canonical is None):
        raise InputError('Give words, such as "a red ball", or --canonical FILE: one of the two.')
    if canonical is not None:
        print_text(read_prompt(canonical).canonical())
        return
    from fibo_core.prompts.words import read_words as without_signs

    typed, settings = without_signs(read_words(words or "")), begin()
    if (door := door_of(context, settings)) is not None:
        written, notes = there.write(door, typed.words, writer)
    else:
        written, notes = _written(settings, typed.words, writer)
    if typed.settings:
        print(f"Left out of the words: {typed.settings}. Nothing is painted here.", file=sys.stderr)
    for note in (*typed.notes, *notes):
        print(note, file=sys.stderr)
    print_text(written.to_json(None if as_json else 2))


def _written(settings: Settings, words: str, writer: str) -> tuple[StructuredPrompt, tuple[str, ...]]:
    from fibo_core.work.runtime import build_writers
    from fibo_core.work.workflows import WRITER_SEED

    writers, line = build_writers(settings), StatusLine()
    try:
        with ended_by_ctrl_c() as cancel:
            progress = PaintingProgress(line, cancel)
            written = writers.write(
                writer,
                lambda it: it.expand(words, cancel=cancel, seed=WRITER_SEED, on_tokens=progress.on_tokens),
                progress,
            )
    finally:
        line.clear()
    return written.prompt, (*written.passed_over, *written.notes)


@app.command()
def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look whether everything is here that painting needs, and say what to do where it is not."""
    from studio.pod.doctor import examine

    only_here(context)
    checks = examine(begin(), ask_services=True)
    if as_json:
        print_json(
            {"python": sys.executable, "version": fibo_core.__version__, "checks": [asdict(check) for check in checks]}
        )
    else:
        for check in checks:
            print_text(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<10} {check.detail}")
            if check.todo:
                print_text(f"{'':17}{check.todo}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def main() -> None:
    """Runs one command and ends the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a word may hold what the terminal's encoding cannot
    sys.exit(_status())


def _status() -> int:
    try:
        status = app(prog_name=PROGRAM, standalone_mode=False)
    except TyperException as exc:  # an option or argument that is not as the help says
        context = getattr(exc, "ctx", None)
        asked = context.command_path if context is not None else PROGRAM
        return complain(f"{exc.format_message().rstrip('.')}; see `{asked} --help`.", 2)
    except InputError as exc:
        return complain(str(exc), 2)
    except Cancelled as exc:
        return complain(str(exc), 130)
    except FiboError as exc:
        log.info("The command failed.", exc_info=exc)  # into logs/cli.log, with the cause
        return complain(with_command(exc), 1)
    except BrokenPipeError:  # the reader of our stdout has enough: `fibo-studio history list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return int(status or 0)
