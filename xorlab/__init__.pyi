from . import callbacks as callbacks
from . import diagnosis as diagnosis
from . import eventlog as eventlog
from . import images as images
from . import models as models
from . import pictures as pictures
from . import steps as steps
from . import sweep as sweep
from . import train as train
from .loops import watch as watch
from .trial import diagnose as diagnose

__version__: str
