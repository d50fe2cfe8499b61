from .eventfile import EventFile as EventFile
from .eventfile import StepValues as StepValues
from .graph import train_step_graph as train_step_graph
