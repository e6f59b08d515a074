"""Prints one line for each beginning of a connection, and each datagram, on the loopback interface: protocol, address, port.

The first line, `ready`, tells that from now on nothing is missed. Needs CAP_NET_RAW. Source: packet(7), RFC 791, 8200, 9293.
"""
import ipaddress
import socket
import struct

lo = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
lo.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
lo.bind(("lo", 0))
print("ready", flush=True)
while True:
    packet, (_, protocol, kind, _, _) = lo.recvfrom(96)
    if kind == socket.PACKET_OUTGOING:
        continue  # Each packet is seen twice on the loopback: as it leaves and as it comes.
    if protocol == 0x0800:
        header = (packet[0] & 15) * 4
        carried, to = packet[9], packet[16:20]
    elif protocol == 0x86DD:
        header, carried, to = 40, packet[6], packet[24:40]
    else:
        print("other", hex(protocol), 0, flush=True)
        continue
    rest = packet[header:]
    port = struct.unpack("!H", rest[2:4])[0]
    if carried == 6 and rest[13] & 0x12 == 0x02:
        print("tcp", ipaddress.ip_address(to), port, flush=True)
    elif carried != 6:
        print({17: "udp"}.get(carried, carried), ipaddress.ip_address(to), port, flush=True)
