from see import run
