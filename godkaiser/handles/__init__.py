"""What a notebook holds: farm, sensors, actuators, rules, and the values they give.

values   what is handed out: reading, verdict, outcome, chain, stop, change (frozen, no connection)
said     the same for what nodes said: notes, messages nobody could read, probes
mirror   the last known picture, folded from the change feed; read from any thread
owner    the one task, in its own loop thread, that holds the connection
line     owner and mirror together: how a handle asks
deeds    what is done over the line, as coroutines of the owner's loop
thing    handles that only look, shared by both faces: nodes and rules,
places   sensors and actuators,
looks    the farm with its tables
farm     the awaitable face; `godkaiser.blocking` is the other
shows    their pictures in HTML
"""

from godkaiser.handles import shows as shows  # registers the pictures
