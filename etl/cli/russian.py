"""Click's own words in Russian: help headings, errors of the command line, questions.

Click marks each text for translation with gettext's `_` and `ngettext`, but has no way to be given a translation except a binary
catalogue chosen by the environment of whoever calls, and cron's is empty. So the two names are replaced in its modules, once, before a
command is made. A text that stands not below, also one of a later click, stays English.
"""

from __future__ import annotations

import sys

_RUSSIAN = {
    "Usage:": "Вызов:",
    "Options": "Параметры",
    "Commands": "Команды",
    "Positional arguments": "Аргументы",
    "Show this message and exit.": "Показать эту справку.",
    "Show the version and exit.": "Показать версию программы.",
    "default: {default}": "без него: {default}",
    "env var: {var}": "переменная окружения: {var}",
    "required": "обязательно",
    "file": "файл",
    "directory": "папка",
    "path": "путь",
    "Error: {message}": "Ошибка: {message} Исправьте и повторите.",
    "Error: invalid input": "Не понято. Ответьте y (да) или n (нет).",
    "Aborted!": "Прервано. Ничего не сделано; повторите команду.",
    "Try '{command} {option}' for help.": "Справка: {command} {option}",
    "No such option {name!r}.": "нет параметра «{name}».",
    "No such option: {name}": "нет параметра «{name}».",
    "No such command {name!r}.": "нет команды «{name}»; список команд: obmen24 --help.",
    "Did you mean {possibility}?": "Похоже на {possibility}.",
    "(Did you mean one of: {possibilities}?)": "Похоже на {possibilities}.",
    "(Possible options: {possibilities})": "Похоже на {possibilities}.",
    "Missing command.": "не названа команда; список команд: obmen24 --help.",
    "Missing argument": "не назван",
    "Missing option": "не задан параметр",
    "Missing parameter": "не задан параметр",
    "Missing parameter: {param_name}": "не задан параметр {param_name}.",
    "Choose from:\n\t{choices}": "Возможны:\n\t{choices}.",
    "Got unexpected extra argument ({args})": "лишнее в команде: {args}.",
    "Got unexpected extra arguments ({args})": "лишнее в команде: {args}.",
    "Option {name!r} does not take a value.": "у параметра «{name}» нет значения.",
    "Option {name!r} requires an argument.": "у параметра «{name}» нет значения, а оно нужно.",
    "Option {name!r} requires {nargs} arguments.": "у параметра «{name}» должно быть значений: {nargs}.",
    "Invalid value: {message}": "{message}",
    "Invalid value for {param_hint}: {message}": "{param_hint}: {message}",
    "{value!r} is not {choice}.": "«{value}» не подходит, возможно только {choice}.",
    "{value!r} is not one of {choices}.": "«{value}» не подходит, возможны {choices}.",
    "{value!r} is not a valid {number_type}.": "«{value}» не число.",
    "{value} is not in the range {range}.": "{value} не подходит, возможно {range}.",
    "{name} {filename!r} does not exist.": "«{filename}» не существует.",
    "{name} {filename!r} is a file.": "«{filename}» это файл, а нужна папка.",
    "{name} {filename!r} is a directory.": "«{filename}» это папка, а нужен файл.",
    "{name} {filename!r} is not readable.": "«{filename}» нельзя прочитать: нет прав.",
    "{name} {filename!r} is not writable.": "в «{filename}» нельзя записать: нет прав.",
    "Could not open file {filename!r}: {message}": "файл «{filename}» не открывается: {message}.",
}
_MODULES = ("core", "decorators", "exceptions", "formatting", "parser", "termui", "types")


def _one(text: str) -> str:
    return _RUSSIAN.get(text, text)


def _many(one: str, several: str, count: int) -> str:
    return _one(one if count == 1 else several)


def speak() -> None:
    """Let click speak Russian from here on, in this process."""
    for name in _MODULES:
        if module := sys.modules.get(f"click.{name}"):
            for mark, words in (("_", _one), ("ngettext", _many)):
                if hasattr(module, mark):
                    setattr(module, mark, words)
