"""What nobody thought of, sent to a running marketplace: `make fuzz`.

hooks        what schemathesis must know of this API; it makes operations from the schema, values as literals
values       values no careful client sends: deep, huge, of the wrong type, in odd scripts
operations   operations with all arguments as variables, files among them, and hostile documents
requests     HTTP: bodies, content types, encodings, multipart maps, paths, headers, broken framing
sockets      WebSocket: messages in any order and shape, broken frames, odd handshakes
sign_in      messages, signatures, tokens and cookies that are off by one thing
wire         both protocols as bytes on a connection
run          all of it against one marketplace, under a printed seed, and its logs read afterwards
"""
