"""What the disk or the system refused, in the words of an administrator."""

from __future__ import annotations

import errno

_WORDS = {
    errno.EACCES: "нет прав",
    errno.EPERM: "нет прав",
    errno.EROFS: "диск открыт только для чтения",
    errno.ENOSPC: "на диске нет места",
    errno.EDQUOT: "квота на диске исчерпана",
    errno.EFBIG: "файл больше, чем разрешает система",
    errno.EIO: "диск не отвечает",
    errno.ESTALE: "сетевая папка отключилась",
    errno.ENOENT: "файла или папки нет",
    errno.EEXIST: "на этом месте уже что-то есть",
    errno.EISDIR: "на месте файла стоит папка",
    errno.ENOTDIR: "на месте папки стоит файл",
    errno.ENOTEMPTY: "папка не пуста",
    errno.EMFILE: "открыто слишком много файлов",
    errno.ENFILE: "открыто слишком много файлов",
}


def trouble(error: OSError) -> str:
    """Where it was, what is wrong, what to do."""
    place = str(error.filename or "Диск")
    why = _WORDS.get(error.errno or 0) or error.strerror or type(error).__name__
    return f"{place}: {why}. Исправьте это и повторите: следующий запуск продолжит с того же места."
