"""obmen24: exchange between Bitrix24 and 1С:Предприятие through files and REST."""

__version__ = "0.1.0"
